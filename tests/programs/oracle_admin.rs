//! What the oracle authority can do: reporters, rules, pausing. (Handing over: see `authorities`.)

use gridtoken_tests::World;
use oracle_program::instruction::{add_reporter, remove_reporter, set_active, set_rules};
use shared_state::{
    event::{Event, OracleActiveChanged, ReporterRemoved, RulesChanged},
    quantity::Bps,
    state::Rules,
    GridError,
};
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

#[tokio::test]
async fn a_removed_reporter_submits_no_more() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (oracle, authority) = (world.deployment.oracle_program, world.authority.clone());
    let key = authority.pubkey();
    let others: Vec<Pubkey> = (0..3).map(|_| Pubkey::new_unique()).collect();
    for other in &others {
        world
            .send(&[&authority], add_reporter(&oracle, &key, other))
            .await;
    }
    world.report(&meter, 900, 1_000, 0).await;
    let reporter = world.reporter.clone();
    let receipt = world
        .send(
            &[&authority],
            remove_reporter(&oracle, &key, &reporter.pubkey()),
        )
        .await;
    assert_eq!(
        receipt.events(),
        [Event::ReporterRemoved(ReporterRemoved {
            reporter: reporter.pubkey(),
            reporter_count: 3
        })]
    );
    world.pass_time(900).await;
    let submit = world.submit(&[(meter.address, world.reading(2_000, 0))]);
    world
        .refuse(&[&reporter], submit, GridError::Unauthorized)
        .await;
    // The last one has taken the first one's place.
    let config = world.oracle_config().await;
    assert_eq!(config.reporters(), [others[2], others[0], others[1]]);
    assert_eq!(config.reporters[3], Pubkey::default());

    let again = remove_reporter(&oracle, &key, &reporter.pubkey());
    world
        .refuse(&[&authority], again, GridError::ReporterNotListed)
        .await;
    let zero = remove_reporter(&oracle, &key, &Pubkey::default());
    world
        .refuse(&[&authority], zero, GridError::ReporterNotListed)
        .await;
    // Down to none, from the end and from the front.
    for reporter in [others[1], others[2], others[0]] {
        world
            .send(&[&authority], remove_reporter(&oracle, &key, &reporter))
            .await;
    }
    assert!(world.oracle_config().await.reporters().is_empty());
    let none_left = remove_reporter(&oracle, &key, &others[0]);
    world
        .refuse(&[&authority], none_left, GridError::ReporterNotListed)
        .await;
    world
        .send(
            &[&authority],
            add_reporter(&oracle, &key, &reporter.pubkey()),
        )
        .await;
    world.report(&meter, 900, 2_000, 0).await;
}

#[tokio::test]
async fn new_rules_hold_for_the_next_reading() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (oracle, authority) = (world.deployment.oracle_program, world.authority.clone());
    let reporter = world.reporter.clone();
    world.pass_time(900).await;
    let tight = world.submit(&[(meter.address, world.reading(26_250, 0))]);
    let rules = Rules {
        power_tolerance: Bps(0),
        ..Rules::default()
    };
    let receipt = world
        .send(
            &[&authority],
            set_rules(&oracle, &authority.pubkey(), rules),
        )
        .await;
    assert_eq!(
        receipt.events(),
        [Event::RulesChanged(RulesChanged {
            changed_by: authority.pubkey(),
            rules
        })]
    );
    assert_eq!(world.oracle_config().await.rules, rules);
    world
        .refuse(&[&reporter], tight, GridError::GenerationAboveRatedPower)
        .await;

    for bad in [
        Rules {
            min_interval: 0,
            ..rules
        },
        Rules {
            expected_interval: 0,
            ..rules
        },
        Rules {
            max_age: 0,
            ..rules
        },
        Rules {
            late_after: 0,
            ..rules
        },
        Rules {
            anomaly_threshold: 0,
            ..rules
        },
        Rules {
            anomaly_floor: Bps(10_001),
            ..rules
        },
        Rules {
            power_tolerance: Bps(1_001),
            ..rules
        },
        Rules {
            jump_factor: 0,
            ..rules
        },
        Rules {
            jump_factor: 101,
            ..rules
        },
    ] {
        let set = set_rules(&oracle, &authority.pubkey(), bad);
        world
            .refuse(&[&authority], set, GridError::InvalidRules)
            .await;
    }
}

#[tokio::test]
async fn pausing_stops_submissions_until_the_oracle_is_resumed() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (oracle, authority) = (world.deployment.oracle_program, world.authority.clone());
    let reporter = world.reporter.clone();
    for (active, status) in [(false, 0), (true, 1)] {
        let receipt = world
            .send(
                &[&authority],
                set_active(&oracle, &authority.pubkey(), active),
            )
            .await;
        assert_eq!(
            receipt.events(),
            [Event::OracleActiveChanged(OracleActiveChanged {
                changed_by: authority.pubkey(),
                active: status
            })]
        );
        assert_eq!(world.oracle_config().await.header.status, status);
        world.pass_time(900).await;
        let submit = world.submit_recorded(&[(meter.address, world.reading(1_000, 0))]);
        if active {
            world.send(&[&reporter], submit).await;
        } else {
            world
                .refuse(&[&reporter], submit, GridError::OraclePaused)
                .await;
        }
    }
    let mut neither = set_active(&oracle, &authority.pubkey(), true);
    neither.data[1] = 2;
    world
        .refuse(&[&authority], neither, GridError::InvalidInstructionData)
        .await;
}

/// The most that whoever makes the rules and whoever reports can do together: a tenth more than the rated power.
#[tokio::test]
async fn the_rated_power_is_exceeded_by_a_tenth_at_most() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let rules = Rules {
        power_tolerance: Bps(1_000),
        ..Rules::default()
    };
    let authority = world.authority.pubkey();
    let set = set_rules(&world.deployment.oracle_program, &authority, rules);
    world.as_authority(set).await;
    let reporter = world.reporter.clone();
    for hour in 1..=24 {
        world.pass_time(3_600).await;
        let more = world.submit(&[(meter.address, world.reading(hour * 110_000 + 1, 0))]);
        world
            .refuse(&[&reporter], more, GridError::GenerationAboveRatedPower)
            .await;
        world.report(&meter, 0, hour * 110_000, 0).await;
    }
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 2_640_000_000_000);
}
