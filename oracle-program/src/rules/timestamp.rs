//! When a reading was taken: after the last one, not in the future, not too long ago, not too soon.

use core::num::NonZeroU32;

use shared_state::{reading::RejectReason, state::Rules};

/// What the clock allows at a moment: the same for all readings of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The cluster's clock (Unix seconds).
    now: i64,
    /// The latest timestamp.
    newest: i64,
    /// The earliest timestamp.
    oldest: i64,
    /// The earliest timestamp that isn't late.
    punctual: i64,
}

impl Window {
    /// The window of these rules at this time.
    #[inline(always)]
    pub fn new(rules: &Rules, now: i64) -> Self {
        Self {
            now,
            newest: now.saturating_add(rules.max_future_skew.into()),
            oldest: now.saturating_sub(rules.max_age.into()),
            punctual: now.saturating_sub(rules.late_after.into()),
        }
    }

    /// Checks a reading's timestamp and returns the time since the last reading (s, at most 136 years).
    #[inline(always)]
    pub fn check(
        &self,
        rules: &Rules,
        last_reading_at: i64,
        timestamp: i64,
    ) -> Result<NonZeroU32, RejectReason> {
        if timestamp <= last_reading_at {
            return Err(RejectReason::ReadingNotNewer);
        }
        if timestamp > self.newest {
            return Err(RejectReason::ReadingInFuture);
        }
        if timestamp < self.oldest {
            return Err(RejectReason::ReadingTooOld);
        }
        // The difference of two `i64`, of which the first is greater, is a `u64` and above zero.
        let elapsed = (timestamp.wrapping_sub(last_reading_at) as u64).min(u32::MAX.into());
        match NonZeroU32::new(elapsed as u32) {
            Some(elapsed) if elapsed.get() >= rules.min_interval => Ok(elapsed),
            _ => Err(RejectReason::ReadingTooSoon),
        }
    }

    /// The time since the last reading (s), if [`Self::check`] would find nothing wrong and no gap.
    #[inline(always)]
    pub fn usual(&self, rules: &Rules, last_reading_at: i64, timestamp: i64) -> Option<u64> {
        // A timestamp before the last one becomes a huge number here, and both are within the window of the clock.
        let elapsed = timestamp.wrapping_sub(last_reading_at) as u64;
        let is_usual = elapsed >= u64::from(rules.min_interval)
            && elapsed <= u64::from(rules.expected_interval) * 2
            && timestamp <= self.newest
            && timestamp >= self.punctual;
        is_usual.then_some(elapsed)
    }

    /// Whether a reading is late: older than `late_after`.
    #[inline(always)]
    pub fn is_late(&self, timestamp: i64) -> bool {
        timestamp < self.punctual
    }

    /// How old a reading is that [`Self::check`] has passed (s): at most `max_age`, zero if it is ahead of the clock.
    #[inline(always)]
    pub fn age(&self, timestamp: i64) -> u32 {
        if timestamp >= self.now {
            0
        } else {
            self.now.wrapping_sub(timestamp) as u32
        }
    }
}

/// Whether more than two expected intervals have passed since the last reading.
#[inline(always)]
pub fn is_gap(rules: &Rules, elapsed: u32) -> bool {
    u64::from(elapsed) > 2 * u64::from(rules.expected_interval)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn borders() {
        let rules = Rules::default();
        let check = |last, timestamp| {
            let elapsed = Window::new(&rules, NOW).check(&rules, last, timestamp);
            elapsed.map(NonZeroU32::get)
        };
        let last = NOW - 900;
        assert_eq!(check(last, last), Err(RejectReason::ReadingNotNewer));
        assert_eq!(check(last, last - 1), Err(RejectReason::ReadingNotNewer));
        assert_eq!(check(last, last + 59), Err(RejectReason::ReadingTooSoon));
        assert_eq!(check(last, last + 60), Ok(60));
        assert_eq!(check(last, NOW + 60), Ok(960));
        assert_eq!(check(last, NOW + 61), Err(RejectReason::ReadingInFuture));
        let week = 7 * 24 * 3600;
        assert_eq!(check(NOW - 2 * week, NOW - week), Ok(week as u32));
        assert_eq!(
            check(NOW - 2 * week, NOW - week - 1),
            Err(RejectReason::ReadingTooOld)
        );
    }

    #[test]
    fn gaps_and_ages() {
        let rules = Rules::default();
        let is_gap = |elapsed| is_gap(&rules, elapsed);
        assert!(!is_gap(1_800));
        assert!(is_gap(1_801));
        let window = Window::new(&rules, NOW);
        assert_eq!(window.age(NOW - 5), 5);
        assert_eq!(window.age(NOW + 5), 0);
        assert!(!window.is_late(NOW - 3_600));
        assert!(window.is_late(NOW - 3_601));
    }

    proptest! {
        #[test]
        fn agrees_with_plain_arithmetic(
            now in any::<i64>(), last in any::<i64>(), timestamp in any::<i64>(),
            near in any::<bool>(), offset in -1_000_000i64..1_000_000,
        ) {
            let rules = Rules::default();
            let timestamp = if near { now.saturating_add(offset) } else { timestamp };
            let last = if near { timestamp.saturating_sub(offset.abs()) } else { last };
            let (n, l, t) = (i128::from(now), i128::from(last), i128::from(timestamp));
            // The 64-bit clock can't hold times beyond its ends, so the limits stop there.
            let newest = (n + 60).min(i64::MAX.into());
            let oldest = (n - 7 * 86_400).max(i64::MIN.into());
            let expected = if t <= l {
                Err(RejectReason::ReadingNotNewer)
            } else if t > newest {
                Err(RejectReason::ReadingInFuture)
            } else if t < oldest {
                Err(RejectReason::ReadingTooOld)
            } else if t - l < 60 {
                Err(RejectReason::ReadingTooSoon)
            } else {
                Ok((t - l).min(u32::MAX.into()) as u32)
            };
            let found = Window::new(&rules, now).check(&rules, last, timestamp);
            prop_assert_eq!(found.map(NonZeroU32::get), expected);
        }
    }
}
