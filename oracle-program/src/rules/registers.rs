//! Cumulative registers only go forward.

use shared_state::{error::fail, reading::Reading, state::Track, GridError, GridResult};

/// Energy between two readings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Energy {
    /// Generated (Wh).
    pub generation_wh: u64,
    /// Consumed (Wh).
    pub consumption_wh: u64,
}

/// Checks that no register went backwards, and returns the energy since the last reading.
#[inline(always)]
pub fn check(track: &Track, reading: &Reading) -> GridResult<Energy> {
    let Some(generation_wh) = reading
        .generation_register
        .checked_sub(track.generation_register)
    else {
        return Err(fail(GridError::GenerationRegisterBackwards));
    };
    let Some(consumption_wh) = reading
        .consumption_register
        .checked_sub(track.consumption_register)
    else {
        return Err(fail(GridError::ConsumptionRegisterBackwards));
    };
    Ok(Energy {
        generation_wh,
        consumption_wh,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn energy(last: (u64, u64), now: (u64, u64)) -> GridResult<(u64, u64)> {
        let track = Track {
            generation_register: last.0,
            consumption_register: last.1,
            ..crate::rules::tests::fresh_track()
        };
        let reading = Reading {
            timestamp: 0,
            generation_register: now.0,
            consumption_register: now.1,
        };
        check(&track, &reading).map(|energy| (energy.generation_wh, energy.consumption_wh))
    }

    #[test]
    fn borders() {
        assert_eq!(energy((5, 7), (5, 7)), Ok((0, 0)));
        assert_eq!(energy((5, 7), (6, 9)), Ok((1, 2)));
        assert_eq!(
            energy((5, 7), (4, 7)),
            Err(GridError::GenerationRegisterBackwards)
        );
        assert_eq!(
            energy((5, 7), (5, 6)),
            Err(GridError::ConsumptionRegisterBackwards)
        );
        assert_eq!(
            energy((0, u64::MAX), (u64::MAX, u64::MAX)),
            Ok((u64::MAX, 0))
        );
    }

    proptest! {
        #[test]
        fn agrees_with_128_bits(last: (u64, u64), now: (u64, u64), is_near: bool, steps in 0u64..5) {
            let now = if is_near { (last.0.saturating_add(steps), last.1.saturating_sub(steps)) } else { now };
            let difference = |now, last| i128::from(now) - i128::from(last);
            let (generated, consumed) = (difference(now.0, last.0), difference(now.1, last.1));
            let expected = if generated < 0 {
                Err(GridError::GenerationRegisterBackwards)
            } else if consumed < 0 {
                Err(GridError::ConsumptionRegisterBackwards)
            } else {
                Ok((generated as u64, consumed as u64))
            };
            prop_assert_eq!(energy(last, now), expected);
        }
    }
}
