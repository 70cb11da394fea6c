//! Any bytes: no panic, no hang. `PROPTEST_CASES=100000` tries for longer.

mod common;

use std::sync::OnceLock;

use common::options;
use meter_formats::{to_grid_csv, Input, Options};
use proptest::prelude::*;

/// All sample files, cut to a size that mutations hit.
fn samples() -> &'static Vec<Vec<u8>> {
    static SAMPLES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let root = format!("{}/tests/files", env!("CARGO_MANIFEST_DIR"));
        let mut files: Vec<_> = [root.clone(), format!("{root}/dialects")]
            .iter()
            .flat_map(|folder| {
                std::fs::read_dir(folder)
                    .expect("a folder")
                    .map(|entry| entry.expect("an entry").path())
            })
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        files
            .iter()
            .map(|path| {
                std::fs::read(path)
                    .expect("a file")
                    .into_iter()
                    .take(3000)
                    .collect()
            })
            .collect()
    })
}

fn flags(n: usize) -> Options {
    options(
        [
            "",
            "--interval --timezone Europe/Vienna",
            "--generation 2 --no-consumption",
            "--unit kWh --every 1h --dates mdy --decimal ,",
            "--format p1",
            "--format nem12",
            "--format green-button",
            "--format json --time ts",
            "--format sml --time 1782000000",
            "--no-header --meter M",
            "--consumption 3,4 --interval end --measured-only",
        ][n % 11],
    )
}

fn survives(bytes: &[u8], options: &Options) {
    let input = Input {
        name: "export.csv",
        bytes,
        modified: Some(1_782_000_000),
    };
    if let Ok(import) = meter_formats::read(&[input, input], options) {
        let _ = (import.to_string(), to_grid_csv(&import));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_samples(
        file in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 0..40),
        cut in any::<prop::sample::Index>(),
        n in 0..44usize,
    ) {
        let mut bytes = file.get(samples()).clone();
        for (at, byte, kind) in edits {
            if bytes.is_empty() { break }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                2 => bytes.insert(at, byte),
                _ => bytes[at] = b"0123456789,;.:-/\"\n\te{}[]()<>"[usize::from(byte) % 28],
            }
        }
        if n % 4 == 0 {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        survives(&bytes, &flags(n));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600), n in 0..11usize) {
        survives(&bytes, &flags(n));
    }

    #[test]
    fn any_cells(lines in prop::collection::vec("[0-9a-zA-Z.,:/ \u{e9}€=\"+-]{0,14}([,;][0-9.,:/Ee+-]{0,12}){0,4}", 0..30), n in 0..11usize) {
        survives(lines.join("\n").as_bytes(), &flags(n));
    }
}
