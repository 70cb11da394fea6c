//! Who may change a program's configuration: its authority, which is handed over in two steps, so that a mistyped key
//! can't lock it; and who may initialize and rewire it: its upgrade authority. The same for all three programs.

use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;

use super::{
    account::{blame, count_error, AccountMut},
    create::Funding,
    witness::{is_zero, Signer, NOBODY},
};
use crate::{
    call::ProposeAuthority,
    error::{ensure, GridError, GridResult},
    event::{AuthorityChanged, AuthorityProposed, EventData},
    pda::find_program_data,
    state::{AccountLayout, Governed},
    wire,
};

/// `ProposeAuthority`: 0. `[s]` authority, 1. `[w]` config.
pub fn propose_authority<T: Governed>(
    program_id: &Pubkey,
    accounts: &[AccountView],
    data: &[u8],
) -> GridResult {
    let ProposeAuthority { proposed } = wire::args(data)?;
    let (authority, mut config) = by_authority::<T>(program_id, accounts, "authority")?;
    let (_, pending) = config.authorities();
    *pending = proposed;
    config.revise();
    AuthorityProposed {
        authority: *authority.key(),
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
    let (proposed, mut config) = accounts_of::<T>(program_id, accounts, "proposed authority")?;
    let (authority, pending) = config.authorities();
    ensure(!is_zero(pending), GridError::Unauthorized)?;
    proposed.must_be(pending)?;
    let old_authority = *authority;
    *authority = *proposed.key();
    *pending = NOBODY;
    config.revise();
    AuthorityChanged {
        old_authority,
        new_authority: *proposed.key(),
    }
    .emit();
    Ok(())
}

/// The accounts of an instruction that only a config's authority may send: the authority, in this role, and the config.
#[inline(always)]
pub fn by_authority<'a, T: Governed>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
    role: &'static str,
) -> GridResult<(Signer<'a>, AccountMut<'a, T>)> {
    let (authority, mut config) = accounts_of::<T>(program_id, accounts, role)?;
    authority.must_be(config.authorities().0)?;
    Ok((authority, config))
}

/// A signer and the config.
#[inline(always)]
fn accounts_of<'a, T: AccountLayout>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
    role: &'static str,
) -> GridResult<(Signer<'a>, AccountMut<'a, T>)> {
    let [key, config] = accounts else {
        return Err(count_error(accounts.len(), 2));
    };
    Ok((
        Signer::new(key, role)?,
        AccountMut::new(config, program_id)?,
    ))
}

/// The accounts that every `Initialize` has: `[s]` upgrade authority, `[ws]` payer, `[w]` config, ProgramData, system program.
pub struct Initializer<'a> {
    /// The program's upgrade authority, which becomes the config's authority.
    pub authority: Signer<'a>,
    /// What pays for the new accounts.
    pub funding: Funding<'a>,
    /// The config, to be created.
    pub config: &'a AccountView,
}

impl<'a> Initializer<'a> {
    /// Checks all but the config, which its creation checks.
    pub fn load(
        program_id: &Pubkey,
        [authority, payer, config, program_data, system]: [&'a AccountView; 5],
    ) -> GridResult<Self> {
        let authority = Signer::new(authority, "upgrade authority")?;
        require_upgrade_authority(program_id, &authority, program_data)?;
        Ok(Self {
            authority,
            funding: Funding::new(payer, system)?,
            config,
        })
    }
}

/// The loader's `UpgradeableLoaderState::ProgramData` in bincode: `u32` tag 3, `u64` slot, `Option<Pubkey>`.
const PROGRAM_DATA_HEADER: usize = 45;

/// Checks that `authority` is the upgrade authority of `program_id`, as its ProgramData account says.
///
/// Nobody can get in first with an `Initialize` of their own, whoever else watches the deployment.
pub fn require_upgrade_authority(
    program_id: &Pubkey,
    authority: &Signer,
    program_data: &AccountView,
) -> GridResult {
    if !address_eq(program_data.address(), &find_program_data(program_id)) {
        return Err(blame("ProgramData", GridError::WrongAddress));
    }
    // The address is derived from the loader's own: nobody else can have put anything there.
    // SAFETY: nothing changes another program's account during an instruction of ours.
    let data = unsafe { program_data.borrow_unchecked() };
    ensure(
        upgrade_authority(data) == Some(*authority.key()),
        GridError::NotUpgradeAuthority,
    )
}

/// The upgrade authority in a ProgramData account's data, if it has one.
#[inline(always)]
fn upgrade_authority(data: &[u8]) -> Option<Pubkey> {
    let (header, _) = data.split_at_checked(PROGRAM_DATA_HEADER)?;
    let (tag, rest) = header.split_first_chunk::<4>()?;
    let (option, key) = rest.get(8..)?.split_first()?;
    if u32::from_le_bytes(*tag) != 3 || *option != 1 {
        return None;
    }
    Some(Pubkey::new_from_array(*key.first_chunk::<32>()?))
}

#[cfg(test)]
mod tests {
    use solana_loader_v3_interface::state::UpgradeableLoaderState;

    use super::*;

    fn data(state: &UpgradeableLoaderState) -> Vec<u8> {
        let mut data = bincode::serialize(state).expect("to memory");
        data.resize(data.len().max(PROGRAM_DATA_HEADER) + 100, 0);
        data
    }

    #[test]
    fn the_authority_is_where_the_loader_puts_it() {
        let key = Pubkey::new_from_array([7; 32]);
        let with = data(&UpgradeableLoaderState::ProgramData {
            slot: 9,
            upgrade_authority_address: Some(key),
        });
        assert_eq!(upgrade_authority(&with), Some(key));
        for cut in 0..PROGRAM_DATA_HEADER {
            assert_eq!(upgrade_authority(&with[..cut]), None);
        }
    }

    #[test]
    fn an_immutable_program_or_another_state_has_none() {
        let key = Pubkey::new_from_array([7; 32]);
        for state in [
            UpgradeableLoaderState::ProgramData {
                slot: 9,
                upgrade_authority_address: None,
            },
            UpgradeableLoaderState::Buffer {
                authority_address: Some(key),
            },
            UpgradeableLoaderState::Program {
                programdata_address: key,
            },
            UpgradeableLoaderState::Uninitialized,
        ] {
            assert_eq!(upgrade_authority(&data(&state)), None);
        }
    }
}
