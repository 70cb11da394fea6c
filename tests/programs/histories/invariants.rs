//! What must hold after each step.

use shared_state::{
    quantity::Wh,
    state::{Meter, OracleConfig, RegistryConfig, Rules, TokenConfig},
};

/// Everything that an instruction could change.
#[derive(Debug, PartialEq)]
pub struct State {
    pub meters: Vec<Meter>,
    pub oracle: OracleConfig,
    pub registry: RegistryConfig,
    pub token: TokenConfig,
    pub supply: u64,
}

/// Nothing is minted but what meters were settled by, and nothing is burned but by its holder.
pub fn check_supply(what: &str, before: &State, after: &State) {
    let settled = |state: &State| -> u64 {
        let of_meter = |meter: &Meter| meter.settled_net_generation.0;
        state.meters.iter().map(of_meter).sum()
    };
    let minted = settled(after) - settled(before);
    assert_eq!(
        after.token.total_minted.0 - before.token.total_minted.0,
        minted
    );
    let minted = minted * 1_000_000;
    if what == "settlement" {
        assert_eq!(after.supply - before.supply, minted);
        assert_ne!(minted, 0);
    } else {
        assert_eq!(minted, 0, "{what} settled something");
        assert!(after.supply <= before.supply, "{what} minted something");
    }
}

pub fn check_claimable(what: &str, before: &Meter, after: &Meter) {
    let settled = after.settled_net_generation.0 - before.settled_net_generation.0;
    let (was, is) = (before.claimable().0, after.claimable().0);
    match what {
        "readings" => {
            // But for what was consumed.
            let left = after
                .net_generation()
                .beyond(after.settled_net_generation)
                .0;
            assert!(is >= was.min(left), "{before:?}\n{after:?}");
        }
        "correction" => assert!(is <= was, "{before:?}\n{after:?}"),
        _ => assert_eq!(is + settled, was, "{what}: {before:?}\n{after:?}"),
    }
    let vouched = before.claimable_net_generation;
    assert!(after.claimable_net_generation >= vouched || what == "correction");
}

/// What was counted fits the time that has passed, and no held register was counted.
pub fn check_physics(rules: &Rules, before: &Meter, after: &Meter) {
    let (last, now) = (&before.state, &after.state);
    if now.accepted_count == last.accepted_count {
        assert!(after.total_generation <= before.total_generation);
        assert!(after.total_consumption <= before.total_consumption);
        return;
    }
    let elapsed = (now.last_reading_at - last.last_reading_at) as u128;
    let corrected = last.corrected().unwrap_or_default();
    for (counted, register, last_register, held, corrected, capacity_w) in [
        (
            after.total_generation.0 - before.total_generation.0,
            now.generation_register,
            last.generation_register,
            last.held_generation_register,
            corrected.0,
            now.generation_capacity_w,
        ),
        (
            after.total_consumption.0 - before.total_consumption.0,
            now.consumption_register,
            last.consumption_register,
            last.held_consumption_register,
            corrected.1,
            now.consumption_capacity_w,
        ),
    ] {
        let tolerance = 10_000 + u128::from(rules.power_tolerance.0);
        let limit_w = (u128::from(capacity_w) * tolerance).div_ceil(10_000);
        let returned = corrected.beyond(last_register).0;
        let most = limit_w * elapsed / 3_600 + u128::from(returned);
        assert!(u128::from(counted) <= most, "{before:?}\n{after:?}");
        if held > Wh(0) && register >= held {
            // Then it was no jump by today's rated power.
            let until = (last.held_at - last.last_reading_at) as u128;
            let until = until.max(rules.expected_interval.into());
            let jump_ws = limit_w * until * u128::from(rules.jump_factor);
            let step_ws = u128::from(held.beyond(last_register).0) * 3_600;
            assert!(step_ws <= jump_ws, "{before:?}\n{after:?}");
        }
    }
}
