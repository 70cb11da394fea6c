//! Calls to other programs, built on the stack and passed to the runtime as they are.

use core::mem::MaybeUninit;

use solana_account_view::AccountView;
use solana_instruction_view::{
    cpi::{invoke_signed_unchecked, CpiAccount, Seed, Signer},
    InstructionAccount, InstructionView,
};
use solana_program::pubkey::Pubkey;

use super::{entrypoint::MAX_ACCOUNTS, witness::Program};

/// An account that has been checked for what it is passed for.
pub trait Passed {
    /// The account.
    fn view(&self) -> &AccountView;
}

/// An account that has been checked to be writable, and of whose data nobody holds a reference while it is borrowed for
/// writing: so a called program may change it.
pub trait PassedWritable: Passed {}

/// An account of a call, and what the called program may do with it.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    view: &'a AccountView,
    is_writable: bool,
    is_signer: bool,
}

impl<'a> Call<'a> {
    /// Read-only.
    #[inline(always)]
    pub fn readonly(account: &'a impl Passed) -> Self {
        Self {
            view: account.view(),
            is_writable: false,
            is_signer: false,
        }
    }

    /// Writable.
    #[inline(always)]
    pub fn writable(account: &'a mut impl PassedWritable) -> Self {
        Self {
            view: account.view(),
            is_writable: true,
            is_signer: false,
        }
    }

    /// Signs too: it has signed this instruction, or the call's seeds are its.
    #[inline(always)]
    pub fn signer(mut self) -> Self {
        self.is_signer = true;
        self
    }

    /// Writes what the runtime wants to know of the account.
    #[inline(always)]
    fn write(
        &self,
        meta: &mut MaybeUninit<InstructionAccount<'a>>,
        info: &mut MaybeUninit<CpiAccount<'a>>,
    ) {
        let address = self.view.address();
        meta.write(InstructionAccount::new(
            address,
            self.is_writable,
            self.is_signer,
        ));
        CpiAccount::init_from_account_view(self.view, info);
    }
}

/// Calls `program` with these accounts and this data, signing with `seeds` (one address; empty: none).
///
/// A failing call fails the whole transaction at once: the runtime doesn't return from it, so there is no error to
/// pass on. Accounts that repeat are fine.
#[inline(always)]
pub fn invoke_signed<const N: usize>(
    program: &Program,
    accounts: &[Call; N],
    data: &[u8],
    seeds: &[&[u8]],
) {
    let mut metas = [const { MaybeUninit::uninit() }; N];
    let mut infos = [const { MaybeUninit::uninit() }; N];
    for (account, (meta, info)) in accounts.iter().zip(metas.iter_mut().zip(&mut infos)) {
        account.write(meta, info);
    }
    // SAFETY: the loop has written all of both lists; a `Call` can be made writable only of an account whose data nobody
    // refers to.
    unsafe { invoke_with(program.address(), &metas, &infos, data, seeds) };
}

/// [`invoke_signed`] for a few accounts and behind them, writable, as many as there are: the lists are on the heap.
///
/// # Safety
/// Nobody may hold a reference into the data of the accounts in `writable`.
#[inline(always)]
pub unsafe fn invoke_signed_list<const N: usize>(
    program: &Program,
    first: &[Call; N],
    writable: &[AccountView],
    data: &[u8],
    seeds: &[&[u8]],
) {
    // The bound holds for every instruction, but the compiler must see it: it can't check a 64-bit product for overflow.
    let count = writable.len().min(MAX_ACCOUNTS).wrapping_add(N);
    let mut metas = Box::new_uninit_slice(count);
    let mut infos = Box::new_uninit_slice(count);
    let (first_metas, other_metas) = metas.split_at_mut(N);
    let (first_infos, other_infos) = infos.split_at_mut(N);
    for (account, (meta, info)) in first.iter().zip(first_metas.iter_mut().zip(first_infos)) {
        account.write(meta, info);
    }
    // Three pointers that go up together, and one comparison for each account: nine units less than iterators.
    let (mut meta, mut info) = (other_metas.as_mut_ptr(), other_infos.as_mut_ptr());
    let mut view = writable.as_ptr();
    let end = view.wrapping_add(other_metas.len());
    while view != end {
        // SAFETY: `other_metas` and `other_infos` have `end - view` places, and `writable` at least as many accounts.
        unsafe {
            let account = Call {
                view: &*view,
                is_writable: true,
                is_signer: false,
            };
            account.write(&mut *meta, &mut *info);
            (meta, info, view) = (meta.add(1), info.add(1), view.add(1));
        }
    }
    // SAFETY: both lists have a place for each account of the two loops, so all of both are written; the caller's promise.
    unsafe { invoke_with(program.address(), &metas, &infos, data, seeds) };
}

/// The most seeds that an address of ours has, the bump included.
pub(super) const MAX_SEEDS: usize = 4;

/// Calls with these lists.
///
/// # Safety
/// All of both lists must have been written, and nobody may hold a reference into the data of an account that the called
/// program may change.
#[inline(always)]
unsafe fn invoke_with<'a>(
    program_id: &Pubkey,
    metas: &[MaybeUninit<InstructionAccount<'a>>],
    infos: &[MaybeUninit<CpiAccount<'a>>],
    data: &[u8],
    seeds: &[&[u8]],
) {
    let mut signer_seeds = [const { MaybeUninit::<Seed>::uninit() }; MAX_SEEDS];
    for (seed, slot) in seeds.iter().zip(&mut signer_seeds) {
        slot.write(Seed::from(*seed));
    }
    // SAFETY: the metas and infos have been written, as promised, and the first `seeds.len()` signer
    // seeds just now. The views stay valid during the call, and nothing in them is borrowed, as promised.
    unsafe {
        let seeds = core::slice::from_raw_parts(
            signer_seeds.as_ptr().cast::<Seed>(),
            seeds.len().min(signer_seeds.len()),
        );
        let signers = [Signer::from(seeds)];
        invoke_signed_unchecked(
            &InstructionView {
                program_id,
                accounts: core::slice::from_raw_parts(metas.as_ptr().cast(), metas.len()),
                data,
            },
            core::slice::from_raw_parts(infos.as_ptr().cast(), infos.len()),
            if seeds.is_empty() { &[] } else { &signers },
        );
    }
}
