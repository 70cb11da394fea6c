//! What the programs are made of. (What they cost: `scripts/bench`.)

use gridtoken_bank::embedded::program_folder;
use shared_state::state::{AccountLayout, Meter};

#[test]
fn a_meter_account_stays_small() {
    const { assert!(Meter::SIZE <= 360) };
}

/// SBPF version 3: the ELF header's flags.
#[test]
fn the_programs_are_sbpf_v3() {
    let folder = program_folder().expect("the programs' folder");
    for program in ["oracle_program", "registry_program", "token_program"] {
        let elf = std::fs::read(folder.join(format!("{program}.so"))).expect("the program");
        assert_eq!(elf[..4], *b"\x7FELF");
        assert_eq!(
            u32::from_le_bytes(elf[48..52].try_into().expect("four bytes")),
            3,
            "{program}"
        );
    }
}
