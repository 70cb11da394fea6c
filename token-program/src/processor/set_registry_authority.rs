//! `SetRegistryAuthority`: somebody else's signature mints from now on.

use shared_state::{
    event::{EventData, RegistryAuthorityChanged},
    program::{count_error, nonzero, require_upgrade_authority, AccountMut, Signer},
    state::TokenConfig,
    wire, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::SetRegistryAuthority;

pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SetRegistryAuthority { registry_authority } = wire::args(data)?;
    let [authority, config, program_data] = accounts else {
        return Err(count_error(accounts.len(), 3));
    };
    let authority = Signer::new(authority, "upgrade authority")?;
    require_upgrade_authority(program_id, &authority, program_data)?;
    let mut config = AccountMut::<TokenConfig>::new(config, program_id)?;
    nonzero(&registry_authority)?;
    let old_registry_authority = config.registry_authority;
    config.registry_authority = registry_authority;
    config.revise();
    RegistryAuthorityChanged {
        changed_by: *authority.key(),
        old_registry_authority,
        new_registry_authority: registry_authority,
    }
    .emit();
    Ok(())
}
