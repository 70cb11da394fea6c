//! `SubmitSignedReadings`: readings that the meters' devices signed.

use shared_state::{error::ensure, program::blame, GridError, GridResult};
use solana_account_view::AccountView;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::{ed25519_program, sysvar};

use super::submit::{submit, Accounts, Arguments};
use crate::signature::Signatures;

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let arguments = Arguments::new(data)?;
    let [reporter, config, registry_config, registry_program, instructions, meters @ ..] = accounts
    else {
        return Err(GridError::NotEnoughAccounts);
    };
    arguments.check_count(meters)?;
    if *instructions.address() != sysvar::instructions::ID {
        return Err(blame("instructions sysvar", GridError::WrongAddress));
    }
    // SAFETY: the runtime wrote the sysvar before the instruction began, and nothing changes it during one.
    let instructions = unsafe { instructions.borrow_unchecked() };
    let signatures = find_signatures(program_id, instructions, meters.len())?;
    let accounts = Accounts {
        reporter,
        config,
        registry_config,
        registry_program,
        meters,
    };
    submit(program_id, &accounts, &arguments, &Some(signatures))
}

/// The signatures in the instruction right before this one.
#[inline(always)]
fn find_signatures<'a>(
    program_id: &Pubkey,
    instructions: &'a [u8],
    count: usize,
) -> GridResult<Signatures<'a>> {
    let (_, current) = instructions
        .split_last_chunk::<2>()
        .ok_or(GridError::SignaturesMissing)?;
    let current = usize::from(u16::from_le_bytes(*current));
    // During a call by another program, the current instruction of the transaction is that program's.
    let (program, _) = instruction_at(instructions, current).ok_or(GridError::SignaturesMissing)?;
    ensure(program == program_id.as_ref(), GridError::NotTopLevel)?;

    let before = current
        .checked_sub(1)
        .and_then(|before| instruction_at(instructions, before));
    match before {
        Some((program, data)) if program == ed25519_program::ID.as_ref() => {
            Signatures::new(data, count).ok_or(GridError::SignatureLayout)
        }
        _ => Err(GridError::SignaturesMissing),
    }
}

/// Program and data of a transaction's instruction in the instructions sysvar, whose layout is: `u16` count; per
/// instruction, the `u16` offset where it starts; there, `u16` number of accounts, 33 bytes for each, the program's
/// address, `u16` length, the data; at the very end, the `u16` index of the current instruction.
#[inline(always)]
fn instruction_at(sysvar: &[u8], index: usize) -> Option<(&[u8], &[u8])> {
    const ACCOUNT: usize = 33;
    // All sums and products are of 16-bit numbers.
    let start = u16_at(sysvar, index.wrapping_mul(2).wrapping_add(2))?;
    let accounts = u16_at(sysvar, start)?;
    let program = accounts
        .wrapping_mul(ACCOUNT)
        .wrapping_add(start)
        .wrapping_add(2);
    let (program, rest) = sysvar.get(program..)?.split_at_checked(32)?;
    let length = u16_at(rest, 0)?;
    Some((program, rest.get(2..)?.get(..length)?))
}

#[inline(always)]
fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let value = bytes.get(at..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_le_bytes(*value)))
}
