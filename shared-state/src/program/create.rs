//! Creation of accounts at derived addresses, through the system program.

use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::system_program;

use super::{
    account::blame,
    call::{invoke_signed, Call, Passed, PassedWritable, MAX_SEEDS},
    sysvar::rent_exemption,
    witness::{writable, Payer, Program},
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

/// What is to be created: an account at the address that seeds give, of a size, for an owner.
pub struct NewAccount<'a> {
    view: &'a AccountView,
    size: usize,
    owner: &'a Pubkey,
    bump: u8,
}

impl Passed for NewAccount<'_> {
    fn view(&self) -> &AccountView {
        self.view
    }
}
impl PassedWritable for NewAccount<'_> {}

impl<'a> NewAccount<'a> {
    /// Checks that it is writable, at the address that `seeds` give for `program_id` with their canonical bump, and not
    /// there yet. One that is fails with [`GridError::AlreadyInitialized`].
    pub fn new<const N: usize>(
        program_id: &Pubkey,
        view: &'a AccountView,
        role: &'static str,
        size: usize,
        owner: &'a Pubkey,
        seeds: [&[u8]; N],
    ) -> GridResult<Self> {
        writable(view, role)?;
        let (address, bump) = Pubkey::find_program_address(&seeds, program_id);
        if *view.address() != address {
            return Err(blame(role, GridError::WrongAddress));
        }
        if !view.is_data_empty() || *view.owner() != system_program::ID {
            return Err(blame(role, GridError::AlreadyInitialized));
        }
        Ok(Self {
            view,
            size,
            owner,
            bump,
        })
    }

    /// Creates it, with the `seeds` that it was made from, and returns its bump. Lamports that somebody sent to the address
    /// before don't get in the way: only what is missing for the rent is transferred.
    pub fn create<const N: usize>(
        &mut self,
        payer: &mut Payer,
        system: &Program,
        seeds: [&[u8]; N],
    ) -> GridResult<u8> {
        let bump = [self.bump];
        let mut signer_seeds: [&[u8]; MAX_SEEDS] = [&bump; MAX_SEEDS];
        for (place, seed) in signer_seeds.iter_mut().zip(seeds) {
            *place = seed;
        }
        // As many as there are, and the bump, which stands in all places behind them.
        let signer_seeds = &signer_seeds[..const { seeds_with_bump(N) }];

        let needed = rent_exemption(self.size)?;
        let held = self.view.lamports();
        let missing = needed.saturating_sub(held);
        payer.holds(missing)?;
        let (size, owner) = (self.size as u64, self.owner);
        if held == 0 {
            let accounts = [
                Call::writable(payer).signer(),
                Call::writable(self).signer(),
            ];
            let data = create_account_data(needed, size, owner);
            invoke_signed(system, &accounts, &data, signer_seeds);
            return Ok(self.bump);
        }
        if missing > 0 {
            let accounts = [Call::writable(payer).signer(), Call::writable(self)];
            invoke_signed(system, &accounts, &amount_data(TRANSFER, missing), &[]);
        }
        let itself = [Call::writable(self).signer()];
        invoke_signed(system, &itself, &amount_data(ALLOCATE, size), signer_seeds);
        invoke_signed(system, &itself, &assign_data(owner), signer_seeds);
        Ok(self.bump)
    }
}

/// Creates the account of type `T` at the address that `seeds` give for `program_id`, which will own it, and fills it with
/// what `content` makes of its bump. See [`NewAccount`].
pub fn create<T: AccountLayout, const N: usize>(
    program_id: &Pubkey,
    view: &AccountView,
    payer: &mut Payer,
    system: &Program,
    seeds: [&[u8]; N],
    content: impl FnOnce(u8) -> T,
) -> GridResult {
    let mut new = NewAccount::new(program_id, view, T::NAME, T::SIZE, program_id, seeds)?;
    let bump = new.create(payer, system, seeds)?;
    let content = content(bump);
    // SAFETY: the account has just been created with the size of `T`, its data starts at a multiple of 8, and nobody can have
    // referred to it when it was empty.
    unsafe { view.data_ptr().cast_mut().cast::<T>().write(content) };
    Ok(())
}

const fn seeds_with_bump(seeds: usize) -> usize {
    assert!(seeds < MAX_SEEDS);
    seeds + 1
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
