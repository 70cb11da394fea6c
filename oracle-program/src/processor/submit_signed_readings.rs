//! `SubmitSignedReadings`: readings that the meters' devices signed.

use shared_state::{
    error::ensure,
    program::{blame, List},
    reading::Reading,
    state::{AccountLayout, Meter, ReadingState},
    wire, GridError, GridResult,
};
use solana_account_view::AccountView;
use solana_address::address_eq;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::sysvar;

use super::submit::{earlier, Accounts, Submission};
use crate::{
    instruction::SubmitSignedReadings,
    signature::{Signatures, Verified},
};

#[inline(always)]
pub fn process(program_id: &Pubkey, accounts: &[AccountView], data: &[u8]) -> GridResult {
    let SubmitSignedReadings { strict } = wire::args(data)?;
    let is_strict = wire::boolean(strict)?;
    let [reporter, config, registry_config, registry_program, instructions, meters @ ..] = accounts
    else {
        return Err(GridError::NotEnoughAccounts);
    };
    ensure(!meters.is_empty(), GridError::NotEnoughAccounts)?;
    if !address_eq(instructions.address(), &sysvar::instructions::ID) {
        return Err(blame("instructions sysvar", GridError::WrongAddress));
    }
    // SAFETY: the runtime wrote the sysvar before the instruction began, and nothing changes it during one.
    let instructions = unsafe { instructions.borrow_unchecked() };
    let signatures = find_signatures(instructions, meters.len())?;
    let accounts = [reporter, config, registry_config, registry_program];
    let accounts = Accounts::load(program_id, accounts)?;

    let capacity = most_readings(&signatures);
    let mut submission = Submission::new(&accounts, is_strict, true, capacity)?;
    // As in a batch of unsigned readings: each is judged against what the one before it leaves behind.
    let mut states = List::<ReadingState>::new(meters.len());
    let mut signatures = signatures.into_iter().flatten();
    let mut current = signatures.next();
    for (index, view) in meters.iter().enumerate() {
        let meter = submission.meter(view)?;
        if current.as_ref().is_some_and(Signatures::is_used_up) {
            current = signatures.next();
        }
        let verified = current
            .as_mut()
            .and_then(Signatures::take_next)
            .ok_or(GridError::SignatureLayout)?;
        check_signature(&verified, submission.registry_program(), &meter)?;
        let readings = verified.readings().ok_or(GridError::SignatureLayout)?;
        let carried = earlier(meters, index).and_then(|earlier| states.get(earlier));
        let mut state = carried.unwrap_or(meter.state);
        submission.continue_meter(false);
        for reading in readings {
            submission.judge(&meter, &state, reading)?;
            submission.continue_meter(true);
            submission.advance(&mut state);
        }
        states.push(state)?;
    }
    submission.record(meters);
    Ok(())
}

/// Checks that a signature is the device's of this meter, for this meter. This is no rule whose breach is recorded: nobody
/// knows whose reading it is.
#[inline(always)]
fn check_signature(verified: &Verified, registry_program: &Pubkey, meter: &Meter) -> GridResult {
    let Meter {
        device_key_type,
        device_key,
        meter_id,
        ..
    } = meter;
    if *device_key_type == 0 {
        return Err(blame(Meter::NAME, GridError::DeviceKeyMissing));
    }
    if verified.is_of(*device_key_type, device_key, registry_program, meter_id) {
        Ok(())
    } else {
        Err(blame(Meter::NAME, GridError::SignatureMismatch))
    }
}

/// How many readings there can be in these instructions at most.
fn most_readings(signatures: &[Option<Signatures>; 2]) -> usize {
    let bytes = signatures.iter().flatten().map(Signatures::length);
    bytes.sum::<usize>() / size_of::<Reading>()
}

/// The signatures in the one or two instructions right before the transaction's current one: as many as meters.
#[inline(always)]
fn find_signatures(instructions: &[u8], meters: usize) -> GridResult<[Option<Signatures<'_>>; 2]> {
    // Its offsets are 16-bit numbers: none of them can have wrapped around in a sysvar of this size.
    ensure(
        instructions.len() <= usize::from(u16::MAX),
        GridError::SignaturesMissing,
    )?;
    let (_, current) = instructions
        .split_last_chunk::<2>()
        .ok_or(GridError::SignaturesMissing)?;
    // During a call by another program, this is the instruction of the transaction that led to it.
    let current = usize::from(u16::from_le_bytes(*current));
    let before = |steps: usize| {
        let (program, data) = instruction_at(instructions, current.checked_sub(steps)?)?;
        Signatures::new(program, data)
    };
    let last = before(1).ok_or(GridError::SignaturesMissing)?;
    if last.count() == meters {
        return Ok([Some(last), None]);
    }
    match before(2) {
        Some(first) if first.count().wrapping_add(last.count()) == meters => {
            Ok([Some(first), Some(last)])
        }
        _ => Err(GridError::SignaturesMissing),
    }
}

/// Program and data of a transaction's instruction in the instructions sysvar, whose layout is: `u16` count; per
/// instruction, the `u16` offset where it starts; there, `u16` number of accounts, 33 bytes for each, the program's
/// address, `u16` length, the data; at the very end, the `u16` index of the current instruction.
#[inline(always)]
fn instruction_at(sysvar: &[u8], index: usize) -> Option<(&Pubkey, &[u8])> {
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
    Some((bytemuck::cast_ref(program), rest.get(2..)?.get(..length)?))
}

#[inline(always)]
fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let value = bytes.get(at..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_le_bytes(*value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{precompile, Scheme, SignedMessage};
    use shared_state::state::DeviceKeyType;
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

    fn signatures(scheme: Scheme, count: usize) -> Instruction {
        let signed = SignedMessage {
            key_type: DeviceKeyType::Ed25519,
            key: Pubkey::new_from_array([1; 32]),
            signature: [2; 64],
            message: vec![3; 104],
        };
        precompile(scheme, &vec![signed; count])
    }

    /// How many signatures are found in each instruction, for this number of meters.
    fn find(instructions: &[&Instruction], current: u16, meters: usize) -> GridResult<Vec<usize>> {
        let instructions: Vec<_> = instructions.iter().map(|i| (*i).clone()).collect();
        let sysvar = sysvar(&instructions, current);
        let found = find_signatures(&sysvar, meters)?;
        Ok(found.iter().flatten().map(Signatures::count).collect())
    }

    const MISSING: GridResult<Vec<usize>> = Err(GridError::SignaturesMissing);

    #[test]
    fn the_signatures_are_those_right_before() {
        let submit = &Instruction::new_with_bytes(ORACLE, &[2], Vec::new());
        let other = &Instruction::new_with_bytes(Pubkey::new_unique(), &[7; 50], Vec::new());
        let one = &signatures(Scheme::Ed25519, 1);
        let two = &signatures(Scheme::Secp256r1, 2);
        assert_eq!(find(&[one, submit], 1, 1), Ok(vec![1]));
        assert_eq!(find(&[other, one, submit, one], 2, 1), Ok(vec![1]));
        // Whatever program leads to the oracle.
        assert_eq!(find(&[one, other], 1, 1), Ok(vec![1]));
        assert_eq!(find(&[two, one, submit], 2, 3), Ok(vec![2, 1]));
        assert_eq!(find(&[one, two, submit], 2, 3), Ok(vec![1, 2]));
        assert_eq!(find(&[one, one, submit], 2, 2), Ok(vec![1, 1]));
        // One that isn't needed is somebody else's.
        assert_eq!(find(&[two, one, submit], 2, 1), Ok(vec![1]));
        for (instructions, current, meters) in [
            (&[submit, one][..], 0, 1),
            (&[one, other, submit], 2, 1),
            (&[one, submit], 2, 1),
            (&[one, submit], 1, 2),
            (&[two, submit], 1, 1),
            (&[two, one, submit], 2, 2),
            (&[two, one, submit], 2, 4),
            (&[one, one, one, submit], 3, 3),
            (&[one, other, one, submit], 3, 2),
        ] {
            assert_eq!(find(instructions, current, meters), MISSING);
        }
    }

    #[test]
    fn a_sysvar_that_is_cut_off_has_no_signatures() {
        let submit = Instruction::new_with_bytes(ORACLE, &[2], Vec::new());
        let whole = sysvar(&[signatures(Scheme::Ed25519, 1), submit], 1);
        assert!(find_signatures(&whole, 1).is_ok());
        // Up to the end of the instruction with the signatures, of which the index stands in for the last two bytes; what is
        // behind it doesn't matter.
        for length in 0..whole.len() - 41 {
            let mut cut = whole[..length].to_vec();
            cut.extend(1u16.to_le_bytes());
            assert!(find_signatures(&cut, 1).is_err(), "cut at {length}");
        }
        assert!(find_signatures(&[], 1).is_err());
    }

    /// Behind 64 KiB, offsets could point back into data that anybody wrote.
    #[test]
    fn a_sysvar_whose_offsets_may_have_wrapped_is_refused() {
        let submit = Instruction::new_with_bytes(ORACLE, &[2], Vec::new());
        let with_filler = |length: usize| {
            let filler = Instruction::new_with_bytes(ORACLE, &vec![0; length], Vec::new());
            sysvar(&[signatures(Scheme::Ed25519, 1), submit.clone(), filler], 1)
        };
        let most = usize::from(u16::MAX) - with_filler(0).len();
        assert!(find_signatures(&with_filler(most), 1).is_ok());
        let error = find_signatures(&with_filler(most + 1), 1).map(|_| ());
        assert_eq!(error, Err(GridError::SignaturesMissing));
    }
}
