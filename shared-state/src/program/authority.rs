//! The hand-over of a config to another authority, in two steps, so that a mistyped key can't lock it. The same for
//! all three programs.

use borsh::{BorshDeserialize, BorshSerialize};
use bytemuck::{Pod, Zeroable};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::account::{count_error, is_zero, signer, AccountMut};
use crate::{
    error::{ensure, GridError, GridResult},
    event::{AuthorityChanged, AuthorityProposed, EventData},
    state::Governed,
    wire,
};

/// Arguments of `ProposeAuthority`.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, Eq, Pod, PartialEq, Zeroable)]
#[repr(C)]
pub struct ProposeAuthority {
    /// Who may accept; zero withdraws the proposal.
    pub proposed: Pubkey,
}

/// `ProposeAuthority`: 0. `[s]` authority, 1. `[w]` config.
pub fn propose_authority<T: Governed>(
    program_id: &Pubkey,
    accounts: &[AccountView],
    data: &[u8],
) -> GridResult {
    let ProposeAuthority { proposed } = wire::args(data)?;
    let (key, mut config) = sign_for::<T>(program_id, accounts, "authority")?;
    let (authority, pending) = config.authorities();
    ensure(key == authority, GridError::Unauthorized)?;
    *pending = proposed;
    AuthorityProposed {
        authority: *authority,
        proposed,
    }
    .emit();
    Ok(())
}

/// `AcceptAuthority`: 0. `[s]` proposed authority, 1. `[w]` config.
pub fn accept_authority<T: Governed>(
    program_id: &Pubkey,
    accounts: &[AccountView],
    data: &[u8],
) -> GridResult {
    wire::no_args(data)?;
    let (key, mut config) = sign_for::<T>(program_id, accounts, "proposed authority")?;
    let (authority, pending) = config.authorities();
    ensure(!is_zero(pending) && key == pending, GridError::Unauthorized)?;
    let old_authority = *authority;
    *authority = *key;
    *pending = Pubkey::new_from_array([0; 32]);
    AuthorityChanged {
        old_authority,
        new_authority: *key,
    }
    .emit();
    Ok(())
}

/// The signer and the config.
#[inline(always)]
fn sign_for<'a, T: Governed>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
    role: &'static str,
) -> GridResult<(&'a Pubkey, AccountMut<'a, T>)> {
    let [key, config] = accounts else {
        return Err(count_error(accounts.len(), 2));
    };
    Ok((signer(key, role)?, AccountMut::new(config, program_id)?))
}
