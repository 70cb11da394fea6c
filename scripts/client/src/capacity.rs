//! Rated powers that fit a file of readings: for demonstrations, where nobody has a type plate at hand.

use shared_state::{quantity::Wh, reading::Reading};

/// No meter is rated below this here (W): registers count whole watt-hours, and a small power would often seem exceeded by
/// the one that its register steps.
const LEAST_W: u64 = 1_000;

/// The usual sizes of each power of ten.
const SIZES: [u64; 9] = [10, 15, 20, 25, 30, 40, 50, 60, 80];

/// How many times the next lower power makes a power one that no plant has: a jump.
const OUTLIER: u64 = 6;

/// The highest power of a register over these readings of one meter, in their order, rounded up to the next usual size (W).
/// Powers far above all others don't count: they are the jumps that a rated power is there to find.
pub fn usual_capacity_w(readings: &[Reading], register: impl Fn(&Reading) -> Wh) -> u32 {
    let mut powers: Vec<u64> = readings
        .windows(2)
        .filter_map(|pair| {
            let [before, now] = pair else { return None };
            let elapsed = u64::try_from(now.timestamp.checked_sub(before.timestamp)?).ok()?;
            let counted = register(now).minus(register(before))?;
            // Rounded up, and with the watt-hour that a register may step late.
            let watt_seconds = u128::from(counted.0.saturating_add(1)) * 3_600;
            let power = watt_seconds.div_ceil(u128::from(elapsed.max(1)));
            (elapsed > 0).then(|| u64::try_from(power).unwrap_or(u64::MAX))
        })
        .collect();
    powers.sort_unstable_by(|a, b| b.cmp(a));
    // Outliers are few: one in twenty, and up to three in a short file.
    let most = (powers.len() / 20)
        .max(3)
        .min(powers.len().saturating_sub(1));
    let outliers = (0..most)
        .rev()
        .find(|rank| powers[*rank] > powers[rank + 1].max(LEAST_W).saturating_mul(OUTLIER))
        .map_or(0, |rank| rank + 1);
    rounded_up(powers.get(outliers).copied().unwrap_or(LEAST_W))
}

fn rounded_up(power_w: u64) -> u32 {
    let power_w = power_w.clamp(LEAST_W, shared_state::quantity::MAX_CAPACITY_W.into());
    let mut scale = LEAST_W / 10;
    loop {
        let size = SIZES
            .iter()
            .map(|size| size * scale)
            .find(|size| *size >= power_w);
        match size {
            Some(size) => return u32::try_from(size).unwrap_or(u32::MAX),
            None => scale *= 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(registers: &[u64]) -> u32 {
        let readings: Vec<_> = registers
            .iter()
            .zip(0..)
            .map(|(register, quarter)| Reading {
                timestamp: quarter * 900,
                generation_register: Wh(*register),
                consumption_register: Wh(0),
            })
            .collect();
        usual_capacity_w(&readings, |reading| reading.generation_register)
    }

    #[test]
    fn the_highest_power_is_rounded_up_to_a_usual_size() {
        assert_eq!(capacity(&[0, 1_000, 2_500]), 8_000);
        assert_eq!(capacity(&[0, 1_249]), 5_000);
        assert_eq!(capacity(&[0, 1_250]), 6_000);
        assert_eq!(capacity(&[0, 0, 0]), 1_000);
        assert_eq!(capacity(&[]), 1_000);
        assert_eq!(capacity(&[5]), 1_000);
        assert_eq!(capacity(&[0, u64::MAX]), 1_000_000_000);
    }

    #[test]
    fn a_jump_is_no_power() {
        // A first reading of zero that never was; a glitch up and back; a replacement that starts higher.
        let from_zero = [0, 285_000, 286_000, 287_000, 288_000];
        assert_eq!(capacity(&from_zero), 5_000);
        let glitch = [1_000, 2_000, 4_294_967_295, 3_000, 4_000, 5_000];
        assert_eq!(capacity(&glitch), 5_000);
        let higher = [1_000, 2_000, 62_000, 63_000, 64_000];
        assert_eq!(capacity(&higher), 5_000);
        // A cloud is none.
        assert_eq!(capacity(&[0, 1_000, 1_100, 1_200, 1_300, 2_300]), 5_000);
    }
}
