//! GetUnsettledBalance: what it returns is what a settlement then mints, whatever state the meter is in.

use borsh::BorshDeserialize;
use gridtoken_tests::{TestMeter, World};
use registry_program::instruction::{get_unsettled_balance, UnsettledBalance};
use shared_state::{
    quantity::{BaseUnits, Wh},
    state::{Meter, MeterStatus, MintLimit, TokenConfig, MINTING_DISABLED},
};
use solana_program::pubkey::Pubkey;
use solana_signer::Signer;

pub async fn ask(world: &mut World, meter: &TestMeter) -> UnsettledBalance {
    let deployment = world.deployment;
    let ask = get_unsettled_balance(
        &deployment.registry_program,
        &meter.address,
        &deployment.token_program,
    );
    let receipt = world.send(&[], ask).await;
    let (program, data) = receipt.return_data.expect("return data");
    assert_eq!(program, deployment.registry_program);
    UnsettledBalance::try_from_slice(&data).expect("a balance")
}

/// Asks, then settles, and compares. Returns what was minted.
async fn compare(world: &mut World, meter: &TestMeter) -> u64 {
    let asked = ask(world, meter).await;
    let account = world.meter(meter).await;
    assert_eq!(asked.unsettled, account.unsettled());
    assert_eq!(asked.claimable, account.claimable());
    let before = world.balance(&meter.wallet).await;
    let settle = world.settlement(meter);
    let settled = world.try_send(&[&meter.owner.clone()], settle).await;
    assert_eq!(settled.is_ok(), asked.mintable > BaseUnits(0), "{asked:?}");
    let minted = world.balance(&meter.wallet).await - before;
    assert_eq!(BaseUnits(minted), asked.mintable);
    minted
}

#[tokio::test]
async fn it_is_what_a_settlement_mints_in_every_state() {
    let statuses = [
        MeterStatus::Inactive,
        MeterStatus::Active,
        MeterStatus::Suspended,
        MeterStatus::Decommissioned,
    ];
    let mut world = World::new().await;
    world.forged = true;
    let (mut number, mut minted_in) = (0, 0);
    for status in statuses {
        for (generation, consumption, settled) in [
            (0, 0, 0),
            (7_000, 2_000, 0),
            (7_000, 2_000, 4_999),
            (7_000, 2_000, 5_000),
            (7_000, 2_000, 6_000),
            (2_000, 7_000, 0),
            (1 << 40, 0, 0),
        ] {
            for claimable in [0, 2_000, 5_000, u64::MAX] {
                number += 1;
                let meter = world.active_meter(&format!("M-{number}")).await;
                world
                    .edit(&meter.address, |meter: &mut Meter| {
                        meter.header.status = status as u8;
                        meter.total_generation = Wh(generation);
                        meter.total_consumption = Wh(consumption);
                        meter.settled_net_generation = Wh(settled);
                        meter.claimable_net_generation = Wh(claimable);
                    })
                    .await;
                minted_in += u32::from(compare(&mut world, &meter).await > 0);
            }
        }
    }
    // Active or decommissioned; of three balances, where more is claimable than was settled.
    assert_eq!(minted_in, 2 * (3 + 2 + 3));
}

#[tokio::test]
async fn and_in_every_state_of_the_token() {
    let mut world = World::new().await;
    world.forged = true;
    let config = world.deployment.token_config();
    let full = TokenConfig {
        mint_limit: MintLimit {
            burst: BaseUnits(10_000_000),
            rate_per_second: BaseUnits(1_000_000),
            level: BaseUnits(10_000_000),
            updated_at: world.now,
        },
        ..world.token_config().await
    };
    let none = world.token_config().await;
    for (number, (change, wait, expected)) in [
        (none, 0, 5_000_000_000),
        (full, 0, 0),
        (full, 3, 3_000_000),
        (full, 99, 10_000_000),
        (
            TokenConfig {
                total_minted: Wh(u64::MAX - 4_999),
                ..none
            },
            0,
            0,
        ),
        (
            TokenConfig {
                header: shared_state::state::Header {
                    status: MINTING_DISABLED,
                    ..none.header
                },
                ..none
            },
            0,
            0,
        ),
        (
            TokenConfig {
                registry_authority: Pubkey::new_unique(),
                ..none
            },
            0,
            0,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let meter = world.active_meter(&format!("M-{number}")).await;
        world.report(&meter, 3_600, 5_000, 0).await;
        let now = world.now;
        world
            .edit(&config, |config: &mut TokenConfig| {
                *config = change;
                config.mint_limit.updated_at = now;
            })
            .await;
        world.pass_time(wait).await;
        assert_eq!(compare(&mut world, &meter).await, expected, "{number}");
    }
}

#[tokio::test]
async fn anybody_may_ask_and_nothing_changes() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 5_000, 0).await;
    let before = world.meter(&meter).await;
    let asked = ask(&mut world, &meter).await;
    let all = UnsettledBalance {
        unsettled: Wh(5_000),
        claimable: Wh(5_000),
        mintable: BaseUnits(5_000_000_000),
    };
    assert_eq!(asked, all);
    assert_eq!(world.meter(&meter).await, before);
    let signers = get_unsettled_balance(
        &world.deployment.registry_program,
        &meter.owner.pubkey(),
        &world.deployment.token_program,
    )
    .accounts;
    assert!(signers
        .iter()
        .all(|meta| !meta.is_signer && !meta.is_writable));
}
