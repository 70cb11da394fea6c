//! Creation of accounts at derived addresses, through the system program.

use solana_account_view::AccountView;
use solana_address::address_eq;
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

/// What pays for new accounts, and how: the payer and the system program.
pub struct Funding<'a> {
    payer: Payer<'a>,
    system: Program<'a>,
}

impl<'a> Funding<'a> {
    /// Checks both.
    pub fn new(payer: &'a AccountView, system: &'a AccountView) -> GridResult<Self> {
        Ok(Self {
            payer: Payer::new(payer)?,
            system: Program::system(system)?,
        })
    }
}

/// What is to be created, at an address that is derived from a program's.
pub struct NewAccount<'a> {
    /// The program that the address is derived from.
    pub program_id: &'a Pubkey,
    /// The account.
    pub view: &'a AccountView,
    /// Its role in the log.
    pub role: &'static str,
    /// Its size in bytes.
    pub size: usize,
    /// The program that will own it.
    pub owner: &'a Pubkey,
}

/// An account that has just been created: of its size, of zeros, and nobody refers to its data.
pub struct Created<'a> {
    view: &'a AccountView,
    bump: u8,
}

impl Passed for Created<'_> {
    fn view(&self) -> &AccountView {
        self.view
    }
}
impl PassedWritable for Created<'_> {}

impl<'a> NewAccount<'a> {
    /// Creates it at the address that `seeds` give with their canonical bump. An account that exists fails with
    /// [`GridError::AlreadyInitialized`]. Lamports that somebody sent to the address before don't get in the way: only what
    /// is missing for the rent is transferred.
    pub fn create<const N: usize>(
        &self,
        funding: &mut Funding,
        seeds: &[&[u8]; N],
    ) -> GridResult<Created<'a>> {
        let Self { view, role, .. } = *self;
        writable(view, role)?;
        let (address, bump) = Pubkey::find_program_address(seeds, self.program_id);
        if !address_eq(view.address(), &address) {
            return Err(blame(role, GridError::WrongAddress));
        }
        if !view.is_data_empty() || !address_eq(view.owner(), &system_program::ID) {
            return Err(blame(role, GridError::AlreadyInitialized));
        }
        let mut new = Created { view, bump };
        let bump = [bump];
        let mut signer_seeds: [&[u8]; MAX_SEEDS] = [&bump; MAX_SEEDS];
        for (place, seed) in signer_seeds.iter_mut().zip(seeds) {
            *place = seed;
        }
        // As many as there are, and the bump, which stands in all places behind them.
        let signer_seeds = &signer_seeds[..const { seeds_with_bump(N) }];

        let needed = rent_exemption(self.size)?;
        let held = view.lamports();
        let missing = needed.saturating_sub(held);
        let Funding { payer, system } = funding;
        payer.holds(missing)?;
        let (size, owner) = (self.size as u64, self.owner);
        if held == 0 {
            let accounts = [
                Call::writable(payer).signer(),
                Call::writable(&mut new).signer(),
            ];
            let data = create_account_data(needed, size, owner);
            invoke_signed(system, &accounts, &data, signer_seeds);
            return Ok(new);
        }
        if missing > 0 {
            let accounts = [Call::writable(payer).signer(), Call::writable(&mut new)];
            invoke_signed(system, &accounts, &amount_data(TRANSFER, missing), &[]);
        }
        let itself = [Call::writable(&mut new).signer()];
        invoke_signed(system, &itself, &amount_data(ALLOCATE, size), signer_seeds);
        invoke_signed(system, &itself, &assign_data(owner), signer_seeds);
        Ok(new)
    }
}

/// Creates the account of type `T` at the address that `seeds` give for `program_id`, which will own it, and fills it with
/// what `content` makes of its bump. See [`NewAccount`].
#[inline(always)]
pub fn create<T: AccountLayout, const N: usize>(
    program_id: &Pubkey,
    view: &AccountView,
    funding: &mut Funding,
    seeds: &[&[u8]; N],
    content: impl FnOnce(u8) -> T,
) -> GridResult {
    let new = NewAccount {
        program_id,
        view,
        role: T::NAME,
        size: T::SIZE,
        owner: program_id,
    };
    let created = new.create(funding, seeds)?;
    let content = content(created.bump);
    // SAFETY: the account has just been created with the size of `T`, its data starts at a multiple of 8, and nobody refers
    // to it.
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
