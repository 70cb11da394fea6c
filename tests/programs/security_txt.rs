//! What the deployable programs tell explorers and security researchers.

use gridtoken_bank::embedded::program_folder;
use solana_security_txt::{find_and_parse, SECURITY_TXT_BEGIN};

#[test]
fn every_program_has_one_security_txt_that_explorers_find() {
    let folder = program_folder().expect("the programs' folder");
    for (so, name) in [
        ("oracle_program.so", "GridToken oracle program"),
        ("registry_program.so", "GridToken registry program"),
        ("token_program.so", "GridToken token program"),
    ] {
        let elf = std::fs::read(folder.join(so)).expect("a program");
        let found = find_and_parse(&elf).unwrap_or_else(|error| panic!("{so}: {error}"));
        assert_eq!(found.name, name);
        // The values are the builder's, but they must be there: see `.cargo/config.toml`.
        assert!(!found.project_url.is_empty(), "{so} names no project URL");
        assert!(!found.policy.is_empty(), "{so} names no policy");
        for contact in &found.contacts {
            let contact = contact.to_string();
            let (_, value) = contact.split_once(": ").expect("a type and a value");
            assert!(!value.is_empty(), "{so}: {contact}");
        }
        let begin = SECURITY_TXT_BEGIN.as_bytes();
        let count = elf.windows(begin.len()).filter(|at| *at == begin).count();
        assert_eq!(count, 1, "{so}: parsers take the first one");
    }
}
