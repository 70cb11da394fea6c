//! When a reading was taken: after the last one, not in the future, not too long ago, not too soon.

use shared_state::{state::Rules, GridError, GridResult};

/// Checks a reading's timestamp and returns the time since the last reading (s).
#[inline(always)]
pub fn check(rules: &Rules, now: i64, last_reading_at: i64, timestamp: i64) -> GridResult<u32> {
    if timestamp <= last_reading_at {
        return Err(GridError::ReadingNotNewer);
    }
    if timestamp > now.saturating_add(rules.max_future_skew.into()) {
        return Err(GridError::ReadingInFuture);
    }
    if timestamp < now.saturating_sub(rules.max_age.into()) {
        return Err(GridError::ReadingTooOld);
    }
    let elapsed = seconds(timestamp.saturating_sub(last_reading_at));
    if elapsed < rules.min_interval {
        return Err(GridError::ReadingTooSoon);
    }
    Ok(elapsed)
}

/// How old a reading is (s); zero if it is ahead of the clock.
#[inline(always)]
pub fn age(now: i64, timestamp: i64) -> u32 {
    seconds(now.saturating_sub(timestamp))
}

/// Whether more than two expected intervals have passed since the last reading.
#[inline(always)]
pub fn is_gap(rules: &Rules, elapsed: u32) -> bool {
    u64::from(elapsed) > 2 * u64::from(rules.expected_interval)
}

/// A span as `u32`: at least zero, at most 136 years.
#[inline(always)]
fn seconds(span: i64) -> u32 {
    span.clamp(0, u32::MAX.into()) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn borders() {
        let rules = Rules::default();
        let check = |last, timestamp| check(&rules, NOW, last, timestamp);
        let last = NOW - 900;
        assert_eq!(check(last, last), Err(GridError::ReadingNotNewer));
        assert_eq!(check(last, last - 1), Err(GridError::ReadingNotNewer));
        assert_eq!(check(last, last + 59), Err(GridError::ReadingTooSoon));
        assert_eq!(check(last, last + 60), Ok(60));
        assert_eq!(check(last, NOW + 60), Ok(960));
        assert_eq!(check(last, NOW + 61), Err(GridError::ReadingInFuture));
        let week = 7 * 24 * 3600;
        assert_eq!(check(NOW - 2 * week, NOW - week), Ok(week as u32));
        assert_eq!(
            check(NOW - 2 * week, NOW - week - 1),
            Err(GridError::ReadingTooOld)
        );
    }

    #[test]
    fn gaps_and_ages() {
        let rules = Rules::default();
        assert!(!is_gap(&rules, 1_800));
        assert!(is_gap(&rules, 1_801));
        assert_eq!(age(NOW, NOW - 5), 5);
        assert_eq!(age(NOW, NOW + 5), 0);
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
                Err(GridError::ReadingNotNewer)
            } else if t > newest {
                Err(GridError::ReadingInFuture)
            } else if t < oldest {
                Err(GridError::ReadingTooOld)
            } else if t - l < 60 {
                Err(GridError::ReadingTooSoon)
            } else {
                Ok((t - l).min(u32::MAX.into()) as u32)
            };
            prop_assert_eq!(check(&rules, now, last, timestamp), expected);
        }
    }
}
