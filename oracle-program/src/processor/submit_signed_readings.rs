//! `SubmitSignedReadings`: readings that the meters' devices signed.

use shared_state::{error::ensure, program::blame, GridError, GridResult};
use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::{ed25519_program, sysvar};

use super::submit::{submit, Accounts, Arguments};
use crate::signature::{same, Signatures};

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let arguments = Arguments::new(data)?;
    let [reporter, config, registry_config, registry_program, instructions, meters @ ..] = accounts
    else {
        return Err(GridError::NotEnoughAccounts);
    };
    arguments.check_count(meters)?;
    if !address_eq(instructions.address(), &sysvar::instructions::ID) {
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
    // Its offsets are 16-bit numbers: none of them can have wrapped around in a sysvar of this size.
    ensure(
        instructions.len() <= usize::from(u16::MAX),
        GridError::SignaturesMissing,
    )?;
    let (_, current) = instructions
        .split_last_chunk::<2>()
        .ok_or(GridError::SignaturesMissing)?;
    let current = usize::from(u16::from_le_bytes(*current));
    // During a call by another program, the current instruction of the transaction is that program's.
    let (program, _) = instruction_at(instructions, current).ok_or(GridError::SignaturesMissing)?;
    ensure(same(program, program_id.as_array()), GridError::NotTopLevel)?;

    let before = current
        .checked_sub(1)
        .and_then(|before| instruction_at(instructions, before));
    match before {
        Some((program, data)) if same(program, ed25519_program::ID.as_array()) => {
            Signatures::new(data, count).ok_or(GridError::SignatureLayout)
        }
        _ => Err(GridError::SignaturesMissing),
    }
}

/// Program and data of a transaction's instruction in the instructions sysvar, whose layout is: `u16` count; per
/// instruction, the `u16` offset where it starts; there, `u16` number of accounts, 33 bytes for each, the program's
/// address, `u16` length, the data; at the very end, the `u16` index of the current instruction.
#[inline(always)]
fn instruction_at(sysvar: &[u8], index: usize) -> Option<(&[u8; 32], &[u8])> {
    const ACCOUNT: usize = 33;
    // All sums and products are of 16-bit numbers.
    let start = u16_at(sysvar, index.wrapping_mul(2).wrapping_add(2))?;
    let accounts = u16_at(sysvar, start)?;
    let program = accounts
        .wrapping_mul(ACCOUNT)
        .wrapping_add(start)
        .wrapping_add(2);
    let (program, rest) = sysvar.get(program..)?.split_first_chunk::<32>()?;
    let length = u16_at(rest, 0)?;
    Some((program, rest.get(2..)?.get(..length)?))
}

#[inline(always)]
fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let value = bytes.get(at..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_le_bytes(*value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{message, precompile};
    use shared_state::reading::Reading;
    use solana_program::instruction::Instruction;

    const ORACLE: Pubkey = Pubkey::new_from_array([9; 32]);

    /// The sysvar of a transaction with these instructions (without accounts) during the one at `current`. Offsets wrap,
    /// as the runtime's once did.
    fn sysvar(instructions: &[Instruction], current: u16) -> Vec<u8> {
        let mut data = (instructions.len() as u16).to_le_bytes().to_vec();
        let mut offset = 2 + 2 * instructions.len();
        for instruction in instructions {
            data.extend((offset as u16).to_le_bytes());
            offset += 2 + 32 + 2 + instruction.data.len();
        }
        for instruction in instructions {
            data.extend([0, 0]);
            data.extend(instruction.program_id.as_ref());
            data.extend((instruction.data.len() as u16).to_le_bytes());
            data.extend(&instruction.data);
        }
        data.extend(current.to_le_bytes());
        data
    }

    fn signatures() -> Instruction {
        let reading = Reading {
            timestamp: 1,
            generation_register: 2,
            consumption_register: 3,
        };
        let key = Pubkey::new_from_array([1; 32]);
        precompile(&[(key, [2; 64], message(&key, &[3; 32], &reading))])
    }

    fn find(instructions: &[Instruction], current: u16) -> GridResult {
        find_signatures(&ORACLE, &sysvar(instructions, current), 1).map(|_| ())
    }

    #[test]
    fn the_signatures_are_those_right_before() {
        let submit = Instruction::new_with_bytes(ORACLE, &[2], Vec::new());
        let other = Instruction::new_with_bytes(Pubkey::new_unique(), &[7; 50], Vec::new());
        let (signatures, submit) = (&signatures(), &submit);
        let of = |instructions: &[&Instruction], current| {
            let instructions: Vec<_> = instructions.iter().map(|i| (*i).clone()).collect();
            find(&instructions, current)
        };
        assert_eq!(of(&[signatures, submit], 1), Ok(()));
        assert_eq!(of(&[&other, signatures, submit, signatures], 2), Ok(()));
        assert_eq!(
            of(&[submit, signatures], 0),
            Err(GridError::SignaturesMissing)
        );
        assert_eq!(
            of(&[signatures, &other, submit], 2),
            Err(GridError::SignaturesMissing)
        );
        assert_eq!(of(&[signatures, &other], 1), Err(GridError::NotTopLevel));
        assert_eq!(
            of(&[signatures, submit], 2),
            Err(GridError::SignaturesMissing)
        );
    }

    #[test]
    fn a_sysvar_that_is_cut_off_has_no_signatures() {
        let submit = Instruction::new_with_bytes(ORACLE, &[2], Vec::new());
        let whole = sysvar(&[signatures(), submit], 1);
        assert!(find_signatures(&ORACLE, &whole, 1).is_ok());
        // Up to the end of the submission's program id; its own data doesn't matter.
        for length in 0..whole.len() - 5 {
            let mut cut = whole[..length].to_vec();
            cut.extend(1u16.to_le_bytes());
            assert!(
                find_signatures(&ORACLE, &cut, 1).is_err(),
                "cut at {length}"
            );
        }
        assert!(find_signatures(&ORACLE, &[], 1).is_err());
    }

    /// Behind 64 KiB, offsets could point back into data that anybody wrote.
    #[test]
    fn a_sysvar_whose_offsets_may_have_wrapped_is_refused() {
        let submit = Instruction::new_with_bytes(ORACLE, &[2], Vec::new());
        let with_filler = |length: usize| {
            let filler = Instruction::new_with_bytes(ORACLE, &vec![0; length], Vec::new());
            sysvar(&[signatures(), submit.clone(), filler], 1)
        };
        let most = usize::from(u16::MAX) - with_filler(0).len();
        assert!(find_signatures(&ORACLE, &with_filler(most), 1).is_ok());
        let error = find_signatures(&ORACLE, &with_filler(most + 1), 1).map(|_| ());
        assert_eq!(error, Err(GridError::SignaturesMissing));
    }
}
