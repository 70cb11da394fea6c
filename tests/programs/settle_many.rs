//! SettleManyAndMintTokens: several meters of one owner, one mint.

use gridtoken_client::transaction::TRANSACTION_SIZE;
use gridtoken_tests::{TestMeter, World};
use registry_program::instruction::settle_many_and_mint_tokens;
use shared_state::{
    event::{Event, MeterBalanceSettled, TokensMinted},
    quantity::{BaseUnits, Wh},
    state::{Meter, MeterStatus},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use solana_transaction::Transaction;

/// Meters of one owner, each with some kilowatt-hours unsettled: 1,000 Wh for the first, 2,000 for the second, ...
async fn fleet(world: &mut World, count: u64) -> Vec<TestMeter> {
    let (owner, _) = world.owner().await;
    let mut meters = Vec::new();
    for index in 0..count {
        meters.push(world.meter_of(&owner, &format!("M-{index}")).await);
    }
    world.pass_time(3_600).await;
    for (meter, index) in meters.iter().zip(1..) {
        world.report(meter, 0, index * 1_000, 0).await;
    }
    meters
}

fn settle_many(world: &World, meters: &[&TestMeter], claimant: &Pubkey) -> Instruction {
    let addresses: Vec<Pubkey> = meters.iter().map(|meter| meter.address).collect();
    settle_many_and_mint_tokens(
        &world.deployment.registry_program,
        &addresses,
        claimant,
        &world.deployment.token_program,
        &meters.first().expect("a meter").wallet,
    )
}

fn settled(meter: &TestMeter, amount: u64) -> Event {
    Event::MeterBalanceSettled(MeterBalanceSettled {
        meter_id: meter.id,
        amount_settled: Wh(amount),
        new_settled_total: Wh(amount),
    })
}

#[tokio::test]
async fn one_mint_and_an_event_for_each_meter() {
    let mut world = World::new().await;
    let fleet = fleet(&mut world, 3).await;
    let owner = fleet[0].owner.clone();
    let settle = settle_many(&world, &[&fleet[0], &fleet[1], &fleet[2]], &owner.pubkey());
    let receipt = world.send(&[&owner], settle.clone()).await;
    assert_eq!(
        receipt.events(),
        [
            settled(&fleet[0], 1_000),
            settled(&fleet[1], 2_000),
            settled(&fleet[2], 3_000),
            Event::TokensMinted(TokensMinted {
                recipient: fleet[0].wallet,
                amount: BaseUnits(6_000_000_000),
                new_total_supply: BaseUnits(6_000_000_000),
            }),
        ]
    );
    assert_eq!(world.balance(&fleet[0].wallet).await, 6_000_000_000);
    for meter in &fleet {
        let account = world.meter(meter).await;
        assert_eq!((account.unsettled(), account.settlement_count), (Wh(0), 1));
    }
    world
        .refuse(&[&owner], settle, GridError::InsufficientBalance)
        .await;
}

#[tokio::test]
async fn what_can_not_be_settled_is_passed_over() {
    let mut world = World::new().await;
    let fleet = fleet(&mut world, 6).await;
    let owner = fleet[0].owner.clone();
    world.set_status(&fleet[1], MeterStatus::Inactive).await;
    world.set_status(&fleet[2], MeterStatus::Suspended).await;
    world
        .edit(&fleet[3].address, |meter: &mut Meter| {
            meter.claimable_net_generation = Wh(0)
        })
        .await;
    // An empty one, a decommissioned one that holds something, and two named twice.
    world.settle(&fleet[4]).await;
    world
        .set_status(&fleet[5], MeterStatus::Decommissioned)
        .await;
    let mut named: Vec<&TestMeter> = fleet.iter().collect();
    named.extend([&fleet[0], &fleet[5]]);
    let settle = settle_many(&world, &named, &owner.pubkey());
    let receipt = world.send(&[&owner], settle).await;
    assert_eq!(
        receipt.events(),
        [
            settled(&fleet[0], 1_000),
            settled(&fleet[5], 6_000),
            Event::TokensMinted(TokensMinted {
                recipient: fleet[0].wallet,
                amount: BaseUnits(7_000_000_000),
                new_total_supply: BaseUnits(12_000_000_000),
            }),
        ]
    );
    for (meter, unsettled, settlements) in [
        (&fleet[0], 0, 1),
        (&fleet[1], 2_000, 0),
        (&fleet[2], 3_000, 0),
        (&fleet[3], 4_000, 0),
        (&fleet[4], 0, 1),
        (&fleet[5], 0, 1),
    ] {
        let account = world.meter(meter).await;
        assert_eq!(
            (account.unsettled(), account.settlement_count),
            (Wh(unsettled), settlements)
        );
    }

    // None left: the first one's reason.
    for (first, error) in [
        (0, GridError::InsufficientBalance),
        (1, GridError::MeterNotActive),
        (2, GridError::MeterNotActive),
        (3, GridError::QualityTooLow),
    ] {
        let mut named = vec![&fleet[first]];
        named.extend(&fleet);
        let settle = settle_many(&world, &named, &owner.pubkey());
        let refusal = world.refuse(&[&owner], settle, error).await;
        assert_eq!(refusal.account_at_fault(), Some("Meter"));
    }
}

#[tokio::test]
async fn a_foreign_meter_fails_all() {
    let mut world = World::new().await;
    let fleet = fleet(&mut world, 2).await;
    let foreign = world.active_meter("FOREIGN").await;
    world.report(&foreign, 900, 500, 0).await;
    let owner = fleet[0].owner.clone();
    for named in [
        [&fleet[0], &foreign, &fleet[1]],
        [&fleet[0], &fleet[1], &foreign],
    ] {
        let settle = settle_many(&world, &named, &owner.pubkey());
        world
            .refuse(&[&owner], settle, GridError::Unauthorized)
            .await;
    }
    // To one's own account either.
    let mut settle = settle_many(&world, &[&foreign], &owner.pubkey());
    settle.accounts[5].pubkey = fleet[0].wallet;
    world
        .refuse(&[&owner], settle, GridError::Unauthorized)
        .await;

    // A delegate of meters of two owners settles them owner by owner.
    let delegate = Keypair::new();
    for meter in [&fleet[0], &fleet[1], &foreign] {
        world
            .edit(&meter.address, |meter: &mut Meter| {
                meter.delegate = delegate.pubkey()
            })
            .await;
    }
    let both = settle_many(
        &world,
        &[&fleet[0], &fleet[1], &foreign],
        &delegate.pubkey(),
    );
    world
        .refuse(&[&delegate], both, GridError::WrongTokenAccountOwner)
        .await;
    let settle = settle_many(&world, &[&fleet[0], &fleet[1]], &delegate.pubkey());
    world.send(&[&delegate], settle).await;
    assert_eq!(world.balance(&fleet[0].wallet).await, 3_000_000_000);
    let settle = settle_many(&world, &[&foreign], &delegate.pubkey());
    world.send(&[&delegate], settle).await;
    assert_eq!(world.balance(&foreign.wallet).await, 500_000_000);
}

#[tokio::test]
async fn a_sum_that_does_not_fit_is_settled_in_part() {
    let mut world = World::new().await;
    let fleet = fleet(&mut world, 2).await;
    let owner = fleet[0].owner.clone();
    let most = u64::MAX / 1_000_000;
    for (meter, generation) in fleet.iter().zip([most - 1, 3]) {
        world
            .edit(&meter.address, |meter: &mut Meter| {
                meter.total_generation = Wh(generation);
                meter.claimable_net_generation = Wh(generation);
            })
            .await;
    }
    let settle = settle_many(&world, &[&fleet[0], &fleet[1]], &owner.pubkey());
    world.send(&[&owner], settle).await;
    assert_eq!(world.balance(&fleet[0].wallet).await, most * 1_000_000);
    assert_eq!(world.meter(&fleet[0]).await.unsettled(), Wh(0));
    assert_eq!(world.meter(&fleet[1]).await.unsettled(), Wh(2));
    let rest = settle_many(&world, &[&fleet[1], &fleet[0]], &owner.pubkey());
    world.refuse(&[&owner], rest, GridError::SupplyFull).await;
}

#[tokio::test]
async fn a_meter_in_the_place_of_something_else() {
    let mut world = World::new().await;
    let fleet = fleet(&mut world, 1).await;
    let owner = fleet[0].owner.clone();
    let settle = settle_many(&world, &[&fleet[0]], &owner.pubkey());
    for (from, to, error) in [
        (7, 1, GridError::WrongAccountType),
        (1, 7, GridError::WrongAccountType),
        (7, 3, GridError::WrongAccountOwner),
        (3, 7, GridError::WrongAccountOwner),
        (4, 5, GridError::NotATokenAccount),
        (5, 4, GridError::WrongMint),
        (5, 7, GridError::WrongAccountOwner),
        (7, 5, GridError::NotATokenAccount),
    ] {
        let mut settle = settle.clone();
        settle.accounts[to].pubkey = settle.accounts[from].pubkey;
        world.refuse(&[&owner], settle, error).await;
    }
}

/// What fits into a legacy transaction of the owner's.
#[tokio::test]
async fn twenty_six_meters_fit() {
    let mut world = World::new().await;
    let fleet = fleet(&mut world, 30).await;
    let owner = fleet[0].owner.clone();
    let all: Vec<&TestMeter> = fleet.iter().collect();
    let fits = |count: usize| {
        let settle = settle_many(&world, &all[..count], &owner.pubkey());
        let transaction = Transaction::new_with_payer(&[settle], Some(&owner.pubkey()));
        bincode::serialized_size(&transaction).expect("a size") <= TRANSACTION_SIZE
    };
    let most = (1..=30).take_while(|count| fits(*count)).count();
    assert_eq!(most, 26);
    let settle = settle_many(&world, &all[..most], &owner.pubkey());
    let receipt = world.send(&[&owner], settle).await;
    assert_eq!(receipt.events().len(), 27);
    assert_eq!(world.balance(&fleet[0].wallet).await, 351_000_000_000);
}
