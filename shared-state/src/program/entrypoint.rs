//! The entrypoint's input: accounts and instruction data, read where the runtime put them.
//!
//! The layout is that of the upgradeable loader's programs: a `u64` count; per account either an 8-byte entry whose
//! first byte is the index of the account that it repeats, or one that starts with 255, followed by
//! [`RuntimeAccount`], the data, 10,240 spare bytes, padding to 8 and 8 bytes of rent epoch; then a `u64` length and
//! the instruction data; then the program id.

use core::mem::MaybeUninit;

use solana_account_view::{AccountView, RuntimeAccount, MAX_PERMITTED_DATA_INCREASE, NOT_BORROWED};
use solana_program::{program_error::ProgramError, pubkey::Pubkey};

use crate::error::{GridError, GridResult};

/// The most accounts that an instruction of ours can be given; a transaction can lock 64.
pub const MAX_ACCOUNTS: usize = 64;

/// What an account without data takes: its fields, spare bytes and the rent epoch.
const EMPTY_ACCOUNT: usize =
    size_of::<RuntimeAccount>() + MAX_PERMITTED_DATA_INCREASE + size_of::<u64>();

/// Reads the input, runs `process` and returns what the runtime expects: 0, or the error.
///
/// # Safety
/// `input` must be the pointer that the runtime passed to the entrypoint, and nothing else may use that region.
#[inline(always)]
pub unsafe fn run(
    input: *mut u8,
    process: impl FnOnce(&Pubkey, &[AccountView], &[u8]) -> GridResult,
) -> u64 {
    let mut accounts = [const { MaybeUninit::<AccountView>::uninit() }; MAX_ACCOUNTS];
    // SAFETY: the caller's promise.
    let result = match unsafe { parse(input, &mut accounts) } {
        Some((program_id, accounts, data)) => process(program_id, accounts, data),
        None => Err(GridError::TooManyAccounts),
    };
    match result {
        Ok(()) => solana_program::entrypoint::SUCCESS,
        Err(error) => ProgramError::from(error).into(),
    }
}

/// The rest of a program's `entrypoint.rs`: heap, panic handler, the function that the runtime calls, and the security.txt
/// for explorers and researchers, whose values come from `.cargo/config.toml` or the environment of the build.
#[macro_export]
macro_rules! entrypoint {
    ($name:literal, $process:path) => {
        solana_program::custom_heap_default!();
        solana_program::custom_panic_default!();

        /// Runs one instruction and returns 0 or the error's code.
        ///
        /// # Safety
        /// Only the runtime calls this, with the input region that belongs to this instruction alone.
        #[no_mangle]
        pub unsafe extern "C" fn entrypoint(input: *mut u8) -> u64 {
            // SAFETY: the runtime's input, as promised above.
            unsafe { $crate::program::run(input, $process) }
        }

        solana_security_txt::security_txt! {
            name: $name,
            project_url: env!("GRIDTOKEN_PROJECT_URL"),
            contacts: env!("GRIDTOKEN_CONTACTS"),
            policy: env!("GRIDTOKEN_POLICY"),
            source_code: env!("GRIDTOKEN_SOURCE_CODE"),
            source_revision: env!("GRIDTOKEN_SOURCE_REVISION"),
            source_release: env!("GRIDTOKEN_SOURCE_RELEASE")
        }
    };
}

/// Splits the input; `None` if it has more than [`MAX_ACCOUNTS`] accounts.
///
/// # Safety
/// `input` must have the layout above. A repeated account gives views of the same memory: see [`AccountMut`] for what
/// keeps two of them from being changed at once.
///
/// [`AccountMut`]: super::AccountMut
#[inline(always)]
unsafe fn parse(
    input: *mut u8,
    accounts: &mut [MaybeUninit<AccountView>; MAX_ACCOUNTS],
) -> Option<(&Pubkey, &[AccountView], &[u8])> {
    // SAFETY: every pointer below stays within the layout that the caller promises: it advances by exactly the
    // sizes given there. Each `accounts[..count]` is written before it is read, and an entry's index is that of an
    // earlier account.
    unsafe {
        let count = input.cast::<u64>().read() as usize;
        if count > MAX_ACCOUNTS {
            return None;
        }
        let mut next = input.add(size_of::<u64>());
        for index in 0..count {
            let view = if next.read() == NOT_BORROWED {
                let account = next.cast::<RuntimeAccount>();
                let data_len = (*account).data_len as usize;
                // All but the data is a multiple of 8, so the padding is what rounds the whole up.
                let size = data_len.wrapping_add(EMPTY_ACCOUNT + 7) & !7;
                next = next.add(size);
                AccountView::new_unchecked(account)
            } else {
                let earlier = next.read() as usize;
                next = next.add(size_of::<u64>());
                accounts.get_unchecked(earlier).assume_init_read()
            };
            accounts.get_unchecked_mut(index).write(view);
        }
        let data_len = next.cast::<u64>().read() as usize;
        let data = next.add(size_of::<u64>());
        Some((
            &*data.add(data_len).cast::<Pubkey>(),
            core::slice::from_raw_parts(accounts.as_ptr().cast::<AccountView>(), count),
            core::slice::from_raw_parts(data, data_len),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes an input region as the runtime does.
    fn region(accounts: &[Result<(Pubkey, &[u8]), u8>], data: &[u8]) -> Vec<u64> {
        let mut bytes = (accounts.len() as u64).to_le_bytes().to_vec();
        for account in accounts {
            match account {
                Ok((key, data)) => {
                    bytes.extend([255, 1, 1, 0, 0, 0, 0, 0]);
                    bytes.extend(key.as_ref());
                    bytes.extend([9; 32]);
                    bytes.extend(77u64.to_le_bytes());
                    bytes.extend((data.len() as u64).to_le_bytes());
                    bytes.extend(*data);
                    bytes.resize(bytes.len() + MAX_PERMITTED_DATA_INCREASE, 0);
                    bytes.resize(bytes.len().next_multiple_of(8) + 8, 0);
                }
                Err(index) => bytes.extend([*index, 0, 0, 0, 0, 0, 0, 0]),
            }
        }
        bytes.extend((data.len() as u64).to_le_bytes());
        bytes.extend(data);
        bytes.extend([5; 32]);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let (words, _) = bytes.as_chunks::<8>();
        words.iter().copied().map(u64::from_ne_bytes).collect()
    }

    #[test]
    fn accounts_data_and_program_id_are_found_whatever_the_lengths() {
        for length in 0..17 {
            let (a, b) = (
                Pubkey::new_from_array([1; 32]),
                Pubkey::new_from_array([2; 32]),
            );
            let account_data = vec![7; length];
            let data = vec![3; length];
            let mut input = region(
                &[Ok((a, &account_data)), Err(0), Ok((b, &[])), Err(2)],
                &data,
            );
            // SAFETY: the region has the runtime's layout.
            let code = unsafe {
                run(input.as_mut_ptr().cast(), |program, accounts, found| {
                    assert_eq!(program, &Pubkey::new_from_array([5; 32]));
                    assert_eq!(found, data);
                    let keys: Vec<_> = accounts.iter().map(|a| *a.address()).collect();
                    assert_eq!(keys, [a, a, b, b]);
                    assert_eq!(accounts[1].data_len(), length);
                    assert_eq!(accounts[1].borrow_unchecked(), account_data);
                    assert_eq!(accounts[2].lamports(), 77);
                    assert!(accounts[2].is_signer() && accounts[2].is_writable());
                    Ok(())
                })
            };
            assert_eq!(code, 0);
        }
    }

    #[test]
    fn more_accounts_than_fit_are_refused_before_they_are_read() {
        let mut input = vec![MAX_ACCOUNTS as u64 + 1];
        // SAFETY: the count alone is read.
        let code = unsafe { run(input.as_mut_ptr().cast(), |_, _, _| Ok(())) };
        assert_eq!(code, GridError::TooManyAccounts as u64);
    }

    #[test]
    fn error_zero_is_not_success() {
        let mut input = region(&[], &[]);
        // SAFETY: the region has the runtime's layout.
        let code = unsafe {
            run(input.as_mut_ptr().cast(), |_, _, _| {
                Err(GridError::Unauthorized)
            })
        };
        assert_eq!(code, 1 << 32);
    }
}
