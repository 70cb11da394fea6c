//! Who may initialize a program: its upgrade authority.

use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use super::account::{blame, signer};
use crate::{
    error::{GridError, GridResult},
    pda::find_program_data,
};

/// The loader's `UpgradeableLoaderState::ProgramData` in bincode: `u32` tag 3, `u64` slot, `Option<Pubkey>`.
const PROGRAM_DATA_HEADER: usize = 45;

/// Checks that `authority` signed and is the upgrade authority of `program_id`, as its ProgramData account says.
///
/// Nobody can get in first with an `Initialize` of their own, whoever else watches the deployment.
pub fn require_upgrade_authority<'a>(
    program_id: &Pubkey,
    authority: &'a AccountView,
    program_data: &AccountView,
) -> GridResult<&'a Pubkey> {
    let key = signer(authority, "upgrade authority")?;
    if *program_data.address() != find_program_data(program_id) {
        return Err(blame("ProgramData", GridError::WrongAddress));
    }
    // The address is derived from the loader's own: nobody else can have put anything there.
    // SAFETY: nothing changes another program's account during an instruction of ours.
    let data = unsafe { program_data.borrow_unchecked() };
    if upgrade_authority(data) == Some(*key) {
        Ok(key)
    } else {
        Err(GridError::NotUpgradeAuthority)
    }
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
