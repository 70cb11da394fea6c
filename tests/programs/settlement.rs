//! SettleAndMintTokens: what is unsettled becomes GRID, once, for the owner.

use gridtoken_client::cluster::SendError;
use gridtoken_tests::{World, MINIMUM_QUALITY};
use shared_state::{
    event::{Event, MeterBalanceSettled, TokensMinted},
    quantity::{BaseUnits, Bps, Wh},
    state::{Meter, MeterStatus, TokenConfig},
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{program_pack::Pack, pubkey::Pubkey};
use solana_signer::Signer;

#[tokio::test]
async fn the_seed_example_to_the_digit() {
    let mut world = World::new().await;
    let meter = world.active_meter("SEED-1").await;
    // 800 kWh generated, 250 consumed, 400 of the net settled before (the account as another history left it).
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.total_generation = Wh(800_000);
            account.total_consumption = Wh(250_000);
            account.state.generation_register = Wh(800_000);
            account.state.consumption_register = Wh(250_000);
            account.settled_net_generation = Wh(400_000);
            account.settlement_count = 1;
            account.state.accepted_count = 1;
            account.state.quality = Bps(8_500);
        })
        .await;
    // What was minted for it is used up already.
    let token_config = world.deployment.token_config();
    world
        .edit(&token_config, |config: &mut TokenConfig| {
            config.total_minted = Wh(400_000)
        })
        .await;
    world.burned = 400_000_000_000;

    world.report(&meter, 4 * 3_600, 1_000_000, 300_000).await;
    let receipt = world.settle(&meter).await;

    assert_eq!(world.balance(&meter.wallet).await, 300_000_000_000);
    assert_eq!(world.supply().await, 300_000_000_000);
    assert_eq!(world.token_config().await.total_minted, Wh(700_000));
    let account = world.meter(&meter).await;
    assert_eq!(account.settled_net_generation, Wh(700_000));
    assert_eq!(account.settlement_count, 2);
    assert_eq!(account.unsettled(), Wh(0));
    assert_eq!(
        receipt.events(),
        [
            Event::MeterBalanceSettled(MeterBalanceSettled {
                meter_id: meter.id,
                amount_settled: Wh(300_000),
                new_settled_total: Wh(700_000),
            }),
            Event::TokensMinted(TokensMinted {
                recipient: meter.wallet,
                amount: BaseUnits(300_000_000_000),
                new_total_supply: BaseUnits(300_000_000_000),
            }),
        ]
    );

    let again = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], again, GridError::InsufficientBalance)
        .await;
    assert_eq!(world.balance(&meter.wallet).await, 300_000_000_000);
}

#[tokio::test]
async fn fifteen_and_a_half_kilowatt_hours_are_15_500_000_000_base_units() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 15_500, 0).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 15_500_000_000);
    world.audit().await;
}

#[tokio::test]
async fn each_settlement_mints_only_what_came_since_the_last_one() {
    let mut world = World::new().await;
    let (first, second) = (
        world.active_meter("M-1").await,
        world.active_meter("M-2").await,
    );
    world.report(&first, 3_600, 10_000, 1_000).await;
    world.report(&second, 3_600, 7_000, 500).await;
    world.settle(&first).await;
    assert_eq!(world.balance(&first.wallet).await, 9_000_000_000);
    world.audit().await;

    world.report(&first, 3_600, 12_000, 1_500).await;
    world.settle(&second).await;
    let receipt = world.settle(&first).await;
    assert_eq!(world.balance(&first.wallet).await, 10_500_000_000);
    assert_eq!(world.balance(&second.wallet).await, 6_500_000_000);
    assert_eq!(
        receipt.events()[1],
        Event::TokensMinted(TokensMinted {
            recipient: first.wallet,
            amount: BaseUnits(1_500_000_000),
            new_total_supply: BaseUnits(17_000_000_000),
        })
    );
    world.audit().await;
}

#[tokio::test]
async fn consumption_after_a_settlement_must_be_made_up_before_more_is_minted() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    world.settle(&meter).await;
    // Net falls to 4 kWh, then rises to 10 again: nothing new. At 11 it is one.
    world.report(&meter, 3_600, 10_000, 6_000).await;
    let settle = world.settlement(&meter);
    world
        .refuse(
            &[&meter.owner],
            settle.clone(),
            GridError::InsufficientBalance,
        )
        .await;
    world.report(&meter, 3_600, 16_000, 6_000).await;
    world
        .refuse(&[&meter.owner], settle, GridError::InsufficientBalance)
        .await;
    world.report(&meter, 3_600, 17_000, 6_000).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 11_000_000_000);
    world.audit().await;
}

#[tokio::test]
async fn a_meter_that_only_consumes_has_nothing_to_settle() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 1_000, 1_001).await;
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::InsufficientBalance)
        .await;
    assert_eq!(world.supply().await, 0);
}

#[tokio::test]
async fn only_the_owner_or_the_delegate_settles() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let other = world.active_meter("M-2").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    let owner = meter.owner.pubkey();

    for claimant in [
        &Keypair::new(),
        &other.owner,
        &world.authority.clone(),
        &world.reporter.clone(),
    ] {
        let settle = world
            .deployment
            .settle(&meter.address, &owner, &claimant.pubkey());
        world
            .refuse(&[claimant], settle, GridError::Unauthorized)
            .await;
    }

    let delegate = Keypair::new();
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.delegate = delegate.pubkey()
        })
        .await;
    let settle = world
        .deployment
        .settle(&meter.address, &owner, &delegate.pubkey());
    world.send(&[&delegate], settle).await;
    assert_eq!(world.balance(&meter.wallet).await, 10_000_000_000);
    world.audit().await;
}

#[tokio::test]
async fn a_delegate_can_not_have_grid_sent_to_itself() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (delegate, wallet) = world.owner().await;
    world.report(&meter, 3_600, 10_000, 0).await;
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.delegate = delegate.pubkey()
        })
        .await;
    let settle = world
        .deployment
        .settle(&meter.address, &delegate.pubkey(), &delegate.pubkey());
    world
        .refuse(&[&delegate], settle, GridError::WrongTokenAccountOwner)
        .await;
    assert_eq!(world.balance(&wallet).await, 0);
}

#[tokio::test]
async fn the_status_decides_whether_a_meter_can_be_settled() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    let settle = world.settlement(&meter);
    for status in [MeterStatus::Inactive, MeterStatus::Suspended] {
        world.set_status(&meter, status).await;
        world
            .refuse(&[&meter.owner], settle.clone(), GridError::MeterNotActive)
            .await;
    }
    // What a decommissioned meter holds stays its owner's.
    world.set_status(&meter, MeterStatus::Decommissioned).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 10_000_000_000);
    world
        .refuse(&[&meter.owner], settle, GridError::InsufficientBalance)
        .await;
    world.audit().await;
}

#[tokio::test]
async fn what_is_counted_below_the_minimum_quality_is_settled_once_the_meter_recovers() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 900, 1_000, 0).await;
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.state.quality = Bps(100);
            account.claimable_net_generation = Wh(0);
        })
        .await;
    let settle = world.settlement(&meter);
    let mut readings = 1;
    while world.meter(&meter).await.state.quality < Bps(MINIMUM_QUALITY) {
        let refusal = world
            .refuse(&[&meter.owner], settle.clone(), GridError::QualityTooLow)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("Meter"));
        readings += 1;
        world.report(&meter, 900, readings * 1_000, 0).await;
    }
    assert_eq!(readings, 15);
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 15_000_000_000);

    // Exactly at the minimum is enough: 15 sixteenths of this and the reading's 85 points are 50 %.
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.state.quality = Bps(4_767)
        })
        .await;
    world.report(&meter, 900, 16_000, 0).await;
    assert_eq!(
        world.meter(&meter).await.state.quality,
        Bps(MINIMUM_QUALITY)
    );
    world.settle(&meter).await;
    // One below it is not; and a decommissioned meter, which can't recover, keeps what it has vouched for.
    world.report(&meter, 900, 17_000, 0).await;
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.state.quality = Bps(4_766)
        })
        .await;
    world.report(&meter, 900, 18_000, 0).await;
    assert_eq!(
        world.meter(&meter).await.state.quality,
        Bps(MINIMUM_QUALITY - 1)
    );
    world.set_status(&meter, MeterStatus::Decommissioned).await;
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 17_000_000_000);
    world
        .refuse(&[&meter.owner], settle, GridError::QualityTooLow)
        .await;
    world.audit().await;
}

#[tokio::test]
async fn the_recipient_must_be_a_grid_account_of_the_owner() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let (_, foreign) = world.owner().await;
    world.report(&meter, 3_600, 10_000, 0).await;
    let settle = world.settlement(&meter);

    // Another token of the same owner.
    let other_mint = Pubkey::new_unique();
    let mut other_token = world_account(&mut world, &meter.wallet).await;
    let mut content = spl_token::state::Account::unpack(&other_token.data).expect("an account");
    content.mint = other_mint;
    content.pack_into_slice(&mut other_token.data);
    let wrong_mint = Pubkey::new_unique();
    world.bank.set_account(&wrong_mint, other_token);
    // The same bytes, owned by another program.
    let mut fake = world_account(&mut world, &meter.wallet).await;
    fake.owner = Pubkey::new_unique();
    let wrong_program = Pubkey::new_unique();
    world.bank.set_account(&wrong_program, fake);
    // Not initialized, as far as SPL Token is concerned.
    let mut fake = world_account(&mut world, &meter.wallet).await;
    fake.data[108] = 0;
    let uninitialized = Pubkey::new_unique();
    world.bank.set_account(&uninitialized, fake);
    // One byte too long.
    let mut fake = world_account(&mut world, &meter.wallet).await;
    fake.data.push(0);
    let too_long = Pubkey::new_unique();
    world.bank.set_account(&too_long, fake);

    for (recipient, error) in [
        (foreign, GridError::WrongTokenAccountOwner),
        (wrong_mint, GridError::WrongTokenAccountMint),
        (wrong_program, GridError::NotATokenAccount),
        (uninitialized, GridError::NotATokenAccount),
        (too_long, GridError::NotATokenAccount),
        (world.deployment.mint(), GridError::NotATokenAccount),
        (world.deployment.token_config(), GridError::NotATokenAccount),
    ] {
        let mut settle = settle.clone();
        settle.accounts[6].pubkey = recipient;
        let refusal = world.refuse(&[&meter.owner], settle, error).await;
        assert_eq!(refusal.account_at_fault(), Some("recipient"));
    }
}

async fn world_account(world: &mut World, address: &Pubkey) -> solana_account::Account {
    use gridtoken_client::cluster::Cluster;
    world
        .bank
        .account(address)
        .await
        .expect("an answer")
        .expect("an account")
}

#[tokio::test]
async fn a_wrong_mint_is_refused() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    // A whole second token: a mint that looks like GRID and an account of the owner for it.
    let grid_mint = world.deployment.mint();
    let mut mint = world_account(&mut world, &grid_mint).await;
    mint.data[0..4].copy_from_slice(&1u32.to_le_bytes());
    let fake_mint = Pubkey::new_unique();
    world.bank.set_account(&fake_mint, mint);
    let mut account = world_account(&mut world, &meter.wallet).await;
    account.data[..32].copy_from_slice(fake_mint.as_ref());
    let fake_wallet = Pubkey::new_unique();
    world.bank.set_account(&fake_wallet, account);

    let mut settle = world.settlement(&meter);
    settle.accounts[5].pubkey = fake_mint;
    world
        .refuse(
            &[&meter.owner],
            settle.clone(),
            GridError::WrongTokenAccountMint,
        )
        .await;
    // Where the recipient matches the wrong mint, the token program refuses.
    settle.accounts[6].pubkey = fake_wallet;
    let refusal = world
        .refuse(&[&meter.owner], settle, GridError::WrongMint)
        .await;
    assert_eq!(refusal.account_at_fault(), Some("GRID mint"));
}

#[tokio::test]
async fn a_fake_token_program_is_not_called() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    for (index, role, fake) in [
        (3, "token program", world.deployment.oracle_program),
        (3, "token program", spl_token::ID),
        (3, "token program", Pubkey::new_unique()),
        (7, "SPL Token program", world.deployment.token_program),
        (7, "SPL Token program", Pubkey::new_unique()),
    ] {
        let mut settle = world.settlement(&meter);
        settle.accounts[index].pubkey = fake;
        let refusal = world
            .refuse(&[&meter.owner], settle, GridError::WrongProgram)
            .await;
        assert_eq!(refusal.account_at_fault(), Some(role));
    }
}

#[tokio::test]
async fn the_same_account_in_two_places_is_refused() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    let settle = world.settlement(&meter);
    // Every writable account in the place of every other one.
    for (from, to, error) in [
        (0, 2, GridError::WrongAccountType),
        (2, 0, GridError::WrongAccountType),
        (0, 4, GridError::WrongAccountOwner),
        (4, 0, GridError::WrongAccountOwner),
        (4, 5, GridError::WrongMint),
        (5, 4, GridError::WrongAccountOwner),
        (5, 6, GridError::NotATokenAccount),
        (6, 5, GridError::WrongMint),
        (6, 4, GridError::WrongAccountOwner),
        (4, 6, GridError::NotATokenAccount),
        (0, 6, GridError::NotATokenAccount),
    ] {
        let mut settle = settle.clone();
        settle.accounts[to].pubkey = settle.accounts[from].pubkey;
        world.refuse(&[&meter.owner], settle, error).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_into_the_supply_stays_unsettled() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let settle = world.settlement(&meter);
    let most = u64::MAX / 1_000_000;
    world
        .edit(&meter.address, |account: &mut Meter| {
            account.state.quality = Bps(10_000);
            account.state.accepted_count = 1;
            account.total_generation = Wh(most + 1);
            account.claimable_net_generation = Wh(most + 1);
        })
        .await;
    world.send(&[&meter.owner], settle.clone()).await;
    assert_eq!(world.balance(&meter.wallet).await, most * 1_000_000);
    assert_eq!(world.meter(&meter).await.unsettled(), Wh(1));
    // The supply is full: another watt-hour does not fit.
    let refusal = world
        .refuse(&[&meter.owner], settle, GridError::SupplyFull)
        .await;
    assert_eq!(refusal.account_at_fault(), Some("TokenConfig"));
    world.audit().await;
}

/// The registry reads the mint limit in the TokenConfig, so it must know it before: nothing has been called yet.
#[tokio::test]
async fn a_fake_token_config_is_refused_before_anything_is_called() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    let address = world.deployment.token_config();
    let mut foreign = world_account(&mut world, &address).await;
    foreign.owner = world.deployment.registry_program;
    let mut older = world_account(&mut world, &address).await;
    older.data[1] = 0;
    for (fake, error) in [
        (foreign, GridError::WrongAccountOwner),
        (older, GridError::WrongAccountType),
    ] {
        let address = Pubkey::new_unique();
        world.bank.set_account(&address, fake);
        let mut settle = world.settlement(&meter);
        settle.accounts[4].pubkey = address;
        let refusal = world.refuse(&[&meter.owner], settle, error).await;
        let SendError::Refused { logs, .. } = &refusal else {
            panic!("{refusal:?}")
        };
        assert!(!logs.iter().any(|line| line.ends_with("invoke [2]")));
    }
}
