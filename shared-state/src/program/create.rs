//! Creation of accounts at derived addresses.

use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::system_program;

use super::{
    account::{blame, writable, AccountMut},
    cpi::{invoke_signed, Call},
    rent::rent_exemption,
};
use crate::{
    error::{GridError, GridResult},
    state::AccountLayout,
};

// Tags of the system program's instructions (bincode: u32).
const CREATE_ACCOUNT: u32 = 0;
const ASSIGN: u32 = 1;
const TRANSFER: u32 = 2;
const ALLOCATE: u32 = 8;

/// What is to be created.
pub struct NewAccount<'a> {
    /// The account at the derived address.
    pub view: &'a AccountView,
    /// Its role in the log.
    pub role: &'static str,
    /// Its size in bytes.
    pub size: usize,
    /// The program that will own it.
    pub owner: &'a Pubkey,
}

/// Creates an account at the address that `seeds` give for `program_id`, paid by `payer`, and returns its bump.
///
/// The address is the canonical one: another bump fails with [`GridError::WrongAddress`]. An account that exists fails
/// with [`GridError::AlreadyInitialized`]. Lamports that somebody sent to the address before don't get in the way:
/// only what is missing for the rent is transferred. `payer` must have signed.
pub fn create_pda(
    program_id: &Pubkey,
    payer: &AccountView,
    new: &NewAccount,
    seeds: &[&[u8]; 2],
) -> GridResult<u8> {
    writable(payer, "payer")?;
    writable(new.view, new.role)?;
    let used = if seeds[1].is_empty() { 1 } else { 2 };
    let (address, bump) = Pubkey::find_program_address(&seeds[..used], program_id);
    if *new.view.address() != address {
        return Err(blame(new.role, GridError::WrongAddress));
    }
    if !new.view.is_data_empty() || *new.view.owner() != system_program::ID {
        return Err(blame(new.role, GridError::AlreadyInitialized));
    }
    let bump_seed = [bump];
    let with_two: [&[u8]; 3] = [seeds[0], seeds[1], &bump_seed];
    let with_one: [&[u8]; 2] = [seeds[0], &bump_seed];
    let signer_seeds: &[&[u8]] = if used == 2 { &with_two } else { &with_one };

    let needed = rent_exemption(new.size)?;
    let held = new.view.lamports();
    if *payer.owner() != system_program::ID {
        return Err(blame("payer", GridError::WrongAccountOwner));
    }
    if payer.lamports() < needed.saturating_sub(held) {
        return Err(blame("payer", GridError::InsufficientFunds));
    }
    if held == 0 {
        invoke_signed(
            &system_program::ID,
            &[
                Call::writable(payer).signer(),
                Call::writable(new.view).signer(),
            ],
            &create_account_data(needed, new.size as u64, new.owner),
            signer_seeds,
        );
        return Ok(bump);
    }
    if held < needed {
        invoke_signed(
            &system_program::ID,
            &[Call::writable(payer).signer(), Call::writable(new.view)],
            &amount_data(TRANSFER, needed.saturating_sub(held)),
            &[],
        );
    }
    let itself = [Call::writable(new.view).signer()];
    invoke_signed(
        &system_program::ID,
        &itself,
        &amount_data(ALLOCATE, new.size as u64),
        signer_seeds,
    );
    invoke_signed(
        &system_program::ID,
        &itself,
        &assign_data(new.owner),
        signer_seeds,
    );
    Ok(bump)
}

impl<'a, T: AccountLayout> AccountMut<'a, T> {
    /// Creates the account of type `T` that `seeds` give for `program_id`, which will own it, and fills it with what
    /// `content` makes of its bump. See [`create_pda`].
    pub fn create(
        program_id: &Pubkey,
        payer: &AccountView,
        view: &'a AccountView,
        seeds: &[&[u8]; 2],
        content: impl FnOnce(u8) -> T,
    ) -> GridResult {
        let new = NewAccount {
            view,
            role: T::NAME,
            size: T::SIZE,
            owner: program_id,
        };
        let bump = create_pda(program_id, payer, &new, seeds)?;
        *Self::take(view)? = content(bump);
        Ok(())
    }
}

fn create_account_data(lamports: u64, space: u64, owner: &Pubkey) -> [u8; 52] {
    let mut data = [0; 52];
    data[..4].copy_from_slice(&CREATE_ACCOUNT.to_le_bytes());
    data[4..12].copy_from_slice(&lamports.to_le_bytes());
    data[12..20].copy_from_slice(&space.to_le_bytes());
    data[20..].copy_from_slice(owner.as_ref());
    data
}

fn amount_data(tag: u32, amount: u64) -> [u8; 12] {
    let mut data = [0; 12];
    data[..4].copy_from_slice(&tag.to_le_bytes());
    data[4..].copy_from_slice(&amount.to_le_bytes());
    data
}

fn assign_data(owner: &Pubkey) -> [u8; 36] {
    let mut data = [0; 36];
    data[..4].copy_from_slice(&ASSIGN.to_le_bytes());
    data[4..].copy_from_slice(owner.as_ref());
    data
}

#[cfg(test)]
mod tests {
    use solana_system_interface::instruction;

    use super::*;

    #[test]
    fn the_data_is_what_the_system_program_expects() {
        let (a, b) = (
            Pubkey::new_from_array([1; 32]),
            Pubkey::new_from_array([2; 32]),
        );
        assert_eq!(
            create_account_data(5, 6, &b)[..],
            instruction::create_account(&a, &a, 5, 6, &b).data
        );
        assert_eq!(
            amount_data(TRANSFER, 7)[..],
            instruction::transfer(&a, &b, 7).data
        );
        assert_eq!(
            amount_data(ALLOCATE, 8)[..],
            instruction::allocate(&a, 8).data
        );
        assert_eq!(assign_data(&b)[..], instruction::assign(&a, &b).data);
    }
}
