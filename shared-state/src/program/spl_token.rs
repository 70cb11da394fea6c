//! The calls of the SPL Token program that GRID needs. Their data is built here; the tests compare it with what the SPL's own
//! crate builds.

use solana_program::pubkey::Pubkey;

use super::{
    call::{invoke_signed, Call, Passed},
    create::Created,
    witness::{Mint, Program, Signer, TokenAccount, Writable},
};
use crate::quantity::{BaseUnits, GRID_DECIMALS};

// Tags of the SPL Token program's instructions.
const MINT_TO: u8 = 7;
const BURN: u8 = 8;
const INITIALIZE_MINT2: u8 = 20;

/// Makes a new account of the SPL Token program the GRID mint, without a freeze authority.
pub fn initialize_mint(spl_token: &Program, mint: &mut Created, mint_authority: &Pubkey) {
    let data = initialize_mint_data(mint_authority);
    invoke_signed(spl_token, &[Call::writable(mint)], &data, &[]);
}

/// Mints to an account, signed by the mint authority with its seeds.
#[inline(always)]
pub fn mint_to(
    spl_token: &Program,
    mint: &mut Mint,
    recipient: &mut Writable,
    authority: &impl Passed,
    seeds: &[&[u8]],
    amount: BaseUnits,
) {
    let accounts = [
        Call::writable(mint),
        Call::writable(recipient),
        Call::readonly(authority).signer(),
    ];
    invoke_signed(spl_token, &accounts, &amount_data(MINT_TO, amount), seeds);
}

/// Burns what the holder has in an account.
pub fn burn(
    spl_token: &Program,
    mint: &mut Mint,
    source: &mut TokenAccount,
    holder: &Signer,
    amount: BaseUnits,
) {
    let accounts = [
        Call::writable(source),
        Call::writable(mint),
        Call::readonly(holder).signer(),
    ];
    invoke_signed(spl_token, &accounts, &amount_data(BURN, amount), &[]);
}

/// Tag, decimals, mint authority, no freeze authority.
fn initialize_mint_data(mint_authority: &Pubkey) -> [u8; 35] {
    let mut data = [0; 35];
    data[0] = INITIALIZE_MINT2;
    data[1] = GRID_DECIMALS;
    data[2..34].copy_from_slice(mint_authority.as_ref());
    data
}

/// Tag and amount.
#[inline(always)]
fn amount_data(tag: u8, amount: BaseUnits) -> [u8; 9] {
    let mut data = [tag; 9];
    data[1..].copy_from_slice(&amount.0.to_le_bytes());
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    // Named with their path: importing the module is deprecated in favour of another crate of the same authors.
    const ID: Pubkey = ::spl_token::ID;
    const KEY: Pubkey = Pubkey::new_from_array([1; 32]);
    const AMOUNT: BaseUnits = BaseUnits(0x0123_4567);

    #[test]
    fn the_data_is_what_the_spl_token_program_expects() {
        let mint_to = ::spl_token::instruction::mint_to(&ID, &KEY, &KEY, &KEY, &[], AMOUNT.0);
        let burn = ::spl_token::instruction::burn(&ID, &KEY, &KEY, &KEY, &[], AMOUNT.0);
        let initialize =
            ::spl_token::instruction::initialize_mint2(&ID, &KEY, &KEY, None, GRID_DECIMALS);
        for (ours, theirs) in [
            (amount_data(MINT_TO, AMOUNT).to_vec(), mint_to),
            (amount_data(BURN, AMOUNT).to_vec(), burn),
            (initialize_mint_data(&KEY).to_vec(), initialize),
        ] {
            assert_eq!(ours, theirs.expect("an instruction").data);
        }
    }
}
