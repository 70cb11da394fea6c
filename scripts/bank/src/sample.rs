//! Makes a sample file of readings: a day of some solar households at 15-minute steps, one meter faulty on purpose.
//!
//! Everything is whole numbers from a small generator, so the file is the same wherever it is made.

use std::fmt::Write;

use gridtoken_client::{format::format_time, readings::COLUMNS};

/// Midnight of 21 June 2026 (UTC).
pub const MIDNIGHT: i64 = 1_782_000_000;
const STEP: u64 = 900;
const STEPS: u64 = 96;

/// Serial number, peak of the roof (W), base load (W).
const HOUSES: [(&str, u64, u64); 6] = [
    ("SOLAR-001", 4_000, 180),
    ("SOLAR-002", 6_500, 350),
    ("SOLAR-003", 8_000, 240),
    ("SOLAR-004", 3_000, 420),
    ("FLAT-005", 0, 200),
    ("FAULTY-006", 5_000, 250),
];

/// The sample file.
pub fn make() -> String {
    let mut csv = COLUMNS.join(",") + "\n";
    let mut random = Random(2026);
    // What the registers show before the day begins.
    let mut registers: Vec<(u64, u64)> = HOUSES
        .iter()
        .map(|_| (random.below(9_000_000), random.below(9_000_000)))
        .collect();
    for step in 0..=STEPS {
        for ((serial, peak_w, base_w), (generation, consumption)) in
            HOUSES.iter().zip(&mut registers)
        {
            if step > 0 {
                let cloud = 60 + random.below(41);
                *generation += sun_w(*peak_w, step) * cloud / 100 * STEP / 3_600;
                *consumption += load_w(*base_w, step, &mut random) * STEP / 3_600;
            }
            let (mut time, mut shown) = (MIDNIGHT + (step * STEP) as i64, *generation);
            if *serial == "FAULTY-006" {
                match step {
                    40 => shown += 50_000,     // a spike that the roof can't produce
                    52 => shown -= 5_000,      // a register that runs backwards
                    60 => time -= STEP as i64, // a clock that stands still
                    70..=75 => continue,       // a dead gateway
                    _ => {}
                }
            }
            // Writing to a string can't fail.
            let _ = writeln!(csv, "{serial},{},{shown},{consumption}", format_time(time));
        }
    }
    csv
}

/// Power of a roof (W) at a quarter of an hour of the day: a parabola from 6 to 18 o'clock.
pub fn sun_w(peak_w: u64, step: u64) -> u64 {
    let (sunrise, day) = (24, 48);
    match step.checked_sub(sunrise) {
        Some(since) if since < day => 4 * peak_w * since * (day - since) / (day * day),
        _ => 0,
    }
}

/// A base load, more in the morning and the evening, and a kettle now and then.
fn load_w(base_w: u64, step: u64, random: &mut Random) -> u64 {
    let people = match step {
        26..=34 => 600,
        70..=90 => 900,
        _ => 100,
    };
    let kettle = if random.below(12) == 0 { 1_500 } else { 0 };
    base_w + random.below(people) + kettle
}

/// A linear congruential generator (the constants are Knuth's).
pub struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_sample_is_what_this_makes() {
        assert_eq!(
            include_str!("../sample.csv"),
            make(),
            "run: target/debug/gridtoken-bank sample > scripts/bank/sample.csv"
        );
    }

    #[test]
    fn the_day_begins_at_midnight() {
        assert_eq!(format_time(MIDNIGHT), "2026-06-21T00:00:00Z");
    }
}
