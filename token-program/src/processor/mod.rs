//! One file per instruction, and what several of them share.

mod initialize;
mod mint_settled;
mod retire_tokens;
mod set_mint_limit;
mod set_minting_enabled;
mod set_registry_authority;

use shared_state::{
    error::ensure,
    program::{accept_authority, count_error, propose_authority, signer, AccountMut},
    state::TokenConfig,
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;

use crate::instruction::tag;

/// Runs one instruction.
#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let (tag, data) = wire::tag(data)?;
    match tag {
        tag::MINT_SETTLED => mint_settled::process(program_id, accounts, data),
        tag::INITIALIZE => initialize::process(program_id, accounts, data),
        tag::SET_MINTING_ENABLED => set_minting_enabled::process(program_id, accounts, data),
        tag::SET_MINT_LIMIT => set_mint_limit::process(program_id, accounts, data),
        tag::RETIRE_TOKENS => retire_tokens::process(program_id, accounts, data),
        tag::SET_REGISTRY_AUTHORITY => set_registry_authority::process(program_id, accounts, data),
        tag::PROPOSE_AUTHORITY => propose_authority::<TokenConfig>(program_id, accounts, data),
        tag::ACCEPT_AUTHORITY => accept_authority::<TokenConfig>(program_id, accounts, data),
        _ => Err(GridError::InvalidInstructionData),
    }
}

/// The accounts of what the token authority decides: the authority, which signed, and the TokenConfig.
fn by_authority<'a>(
    program_id: &Pubkey,
    accounts: &'a [AccountView],
) -> GridResult<(&'a Pubkey, AccountMut<'a, TokenConfig>)> {
    let [authority, config] = accounts else {
        return Err(count_error(accounts.len(), 2));
    };
    let authority = signer(authority, "token authority")?;
    let config = AccountMut::<TokenConfig>::new(config, program_id)?;
    ensure(*authority == config.authority, GridError::Unauthorized)?;
    Ok((authority, config))
}

/// Data of the SPL Token program's instructions that take an amount: tag and amount.
#[inline(always)]
fn amount_data(tag: u8, amount: u64) -> [u8; 9] {
    let mut data = [tag; 9];
    data[1..].copy_from_slice(&amount.to_le_bytes());
    data
}

/// Where a mint's supply is stored.
const SUPPLY: usize = 36;

/// The supply of the GRID mint (base units), which the SPL Token program has just changed: so it is a mint.
#[inline(always)]
fn supply(mint: &AccountView) -> u64 {
    // SAFETY: a mint has 82 bytes, and the SPL Token program has just accepted this one.
    unsafe { mint.data_ptr().add(SUPPLY).cast::<u64>().read_unaligned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use solana_program::{program_option::COption, program_pack::Pack};

    #[test]
    fn the_supply_is_where_the_token_program_puts_it() {
        let mint = spl_token::state::Mint {
            mint_authority: COption::None,
            supply: 0x0123_4567_89AB_CDEF,
            decimals: 9,
            is_initialized: true,
            freeze_authority: COption::None,
        };
        let mut data = [0; spl_token::state::Mint::LEN];
        mint.pack_into_slice(&mut data);
        assert_eq!(data[SUPPLY..SUPPLY + 8], mint.supply.to_le_bytes());
    }
}
