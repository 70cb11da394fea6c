//! The troubles of real meters, from a file to GRID: what their owners would expect comes out, by rule and not by hand. How
//! the files are read is tested where they are: `scripts/formats/tests`.

use std::path::{Path, PathBuf};

use gridtoken_bank::demo::{self, Meters, Summary};
use gridtoken_client::readings::{read_file, Row};
use gridtoken_tests::{rejections, World};
use shared_state::{
    quantity::Bps,
    reading::{Reading, RejectReason},
};

fn path(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/formats/tests/files");
    folder.join(file)
}

fn rows(file: &str) -> Vec<Row> {
    let (rows, bad) = read_file(&path(file), true).expect("a file");
    assert_eq!(bad, []);
    rows
}

/// What comes of a file, and what is said of it.
async fn run(file: &str, meters: Meters) -> (Summary, String) {
    let mut out = Vec::new();
    let summary = demo::run(&rows(file), &[], meters, &mut out).await;
    let text = String::from_utf8(out).expect("text");
    println!("{text}");
    (summary.expect("a run"), text)
}

/// A roof of 10 kW behind a connection of 25 kW, and what the file itself says.
fn plates() -> [Meters; 2] {
    let plate = Meters {
        generation_capacity: Some(10_000),
        consumption_capacity: Some(25_000),
        ..Meters::default()
    };
    [plate, Meters::default()]
}

/// Runs a file as it is, with the rated powers of a type plate and without: so much is minted (Wh), and so many readings are
/// rejected.
async fn expect(file: &str, settled: u64, rejected: impl Fn(u64) -> bool) -> String {
    let mut said = String::new();
    for meters in plates() {
        let (summary, text) = run(file, meters).await;
        assert_eq!(summary.settled_wh, settled, "{file}");
        assert_eq!(summary.supply, settled * 1_000_000);
        assert!(rejected(summary.rejected), "{file}: {summary:?}");
        said = text;
    }
    said
}

#[tokio::test]
async fn a_register_of_five_digits_of_kwh_rolls_over_at_midday() {
    let file = "01-rollover-5-digit-kwh.csv";
    for meters in plates() {
        let with_modulus = Meters {
            register_modulus: 100_000_000,
            ..meters
        };
        let (summary, _) = run(file, with_modulus).await;
        assert_eq!((summary.settled_wh, summary.rejected), (43_876, 0));
    }
    // Without the modulus, what was counted before is claimable.
    expect(file, 11_073, |rejected| rejected > 0).await;
}

#[tokio::test]
async fn a_replaced_meter_that_starts_at_zero_counts_until_then() {
    let text = expect("04-replaced-starts-at-0.csv", 22_001, |rejected| {
        rejected > 100
    });
    assert!(text.await.contains("GenerationRegisterBackwards"));
}

#[tokio::test]
async fn a_replaced_meter_that_starts_60_kwh_higher_counts_until_then() {
    let text = expect("05-replaced-starts-higher.csv", 22_001, |rejected| {
        rejected > 100
    });
    assert!(text.await.contains("RegisterJumped"));
}

#[tokio::test]
async fn a_register_that_steps_back_by_a_watt_hour_at_night_locks_nothing_at_any_hour() {
    let file = "50-one-wh-jitter-at-night.csv";
    expect(file, 47_429, |rejected| rejected > 0).await;
    // Whenever the owner settles, it is what the registers say, or less for the readings that were rejected last.
    let all = rows(file);
    let first = all[0].reading;
    for end in (1..all.len()).step_by(7) {
        let until = &all[..=end];
        let mut out = Vec::new();
        let [plate, _] = plates();
        let summary = demo::run(until, &[], plate, &mut out).await;
        let settled = summary.expect("a run").settled_wh;
        let net = |row: &Row| {
            let generated = row.reading.generation_register.0 as i64;
            let consumed = row.reading.consumption_register.0 as i64;
            generated
                - consumed
                - (first.generation_register.0 as i64 - first.consumption_register.0 as i64)
        };
        // The last readings before: the highest and lowest of what could have been the last accepted one.
        let around: Vec<i64> = until[until.len().saturating_sub(3)..]
            .iter()
            .map(|row| net(row).max(0))
            .collect();
        let (low, high) = (around.iter().min(), around.iter().max());
        let range = *low.expect("a row")..=*high.expect("a row");
        assert!(
            range.contains(&(settled as i64)),
            "{settled} at {end}: {range:?}"
        );
    }
}

#[tokio::test]
async fn a_meter_that_sends_every_ten_seconds_is_read_every_minute() {
    // 15,903 Wh but for the last 50 seconds.
    let text = expect("57-every-10s.csv", 15_823, |rejected| rejected == 900).await;
    assert!(
        text.contains("ReadingTooSoon") && text.contains(" 85.00 %"),
        "{text}"
    );
}

#[tokio::test]
async fn a_first_reading_of_zero_is_a_baseline_that_never_was() {
    for file in [
        "62-first-reading-zero.csv",
        "86-first-reading-zero-then-285-kwh.csv",
    ] {
        let text = expect(file, 0, |rejected| rejected > 90).await;
        assert!(text.contains("RegisterJumped"));
    }
}

/// Times in milliseconds and dates written as numbers are refused when the file is read. Sent all the same, by other software,
/// they are in the future or long ago, and lock nothing.
#[tokio::test]
async fn times_that_are_none_lock_nothing() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let milliseconds = world.now * 1_000;
    for (file, hint, timestamp, reason) in [
        (
            "29-milliseconds.csv",
            "milliseconds?",
            milliseconds,
            RejectReason::ReadingInFuture,
        ),
        (
            "31-yyyymmdd-daily.csv",
            "a date?",
            20_260_621,
            RejectReason::ReadingNotNewer,
        ),
    ] {
        let error = read_file(&path(file), true).expect_err("no times");
        assert!(format!("{error:#}").contains(hint), "{error:#}");
        let reading = Reading {
            timestamp,
            ..world.reading(1_000, 0)
        };
        let receipt = world.record_all(&[(meter.address, reading)]).await;
        assert_eq!(rejections(&receipt), [reason]);
    }
    world.report(&meter, 900, 2_000, 0).await;
    assert_eq!(world.meter(&meter).await.state.quality, Bps(8_500));
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 2_000_000_000);
}
