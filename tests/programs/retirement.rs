//! RetireTokens: a holder burns GRID to claim the use of its energy.

use gridtoken_tests::{TestMeter, World};
use shared_state::{
    event::{Event, TokensRetired},
    pda::find_retirement,
    quantity::{BaseUnits, Wh},
    state::{AccountType, Header, Retirement, TokenConfig},
    GridError,
};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey, rent::Rent};
use solana_sdk_ids::system_program;
use solana_signer::Signer;
use token_program::instruction::{retire_tokens, RetireTokens};

/// A meter whose owner holds 10 GRID.
async fn holder(world: &mut World) -> TestMeter {
    let meter = world.active_meter("M-1").await;
    world.report(&meter, 3_600, 10_000, 0).await;
    world.settle(&meter).await;
    meter
}

fn retire(world: &World, holder: &Pubkey, wallet: &Pubkey, nonce: u64, amount: u64) -> Instruction {
    let mut reference = [0; 64];
    reference[..9].copy_from_slice(b"INV-2026-");
    let args = RetireTokens {
        amount: BaseUnits(amount),
        nonce,
        beneficiary: Pubkey::new_from_array([9; 32]),
        reference,
    };
    let payer = &world.payer.pubkey();
    retire_tokens(&world.deployment.token_program, holder, wallet, payer, args)
}

#[tokio::test]
async fn retired_grid_is_gone_and_counted() {
    let mut world = World::new().await;
    let meter = holder(&mut world).await;
    let key = meter.owner.pubkey();
    let first = retire(&world, &key, &meter.wallet, 1, 2_500_000_001);
    let receipt = world.send(&[&meter.owner], first).await;
    let mut reference = [0; 64];
    reference[..9].copy_from_slice(b"INV-2026-");
    assert_eq!(
        receipt.events(),
        [Event::TokensRetired(TokensRetired {
            holder: key,
            beneficiary: Pubkey::new_from_array([9; 32]),
            amount: BaseUnits(2_500_000_001),
            total_retired: Wh(2_500),
            retired_beside: BaseUnits(1),
            nonce: 1,
            new_total_supply: BaseUnits(7_499_999_999),
            reference,
        })]
    );
    assert_eq!(world.balance(&meter.wallet).await, 7_499_999_999);
    assert_eq!(world.supply().await, 7_499_999_999);
    // All of the rest, and then there is none.
    let rest = retire(&world, &key, &meter.wallet, 2, 7_499_999_999);
    world.send(&[&meter.owner], rest).await;
    let config = world.token_config().await;
    let retired = (config.total_retired, config.retired_beside);
    assert_eq!(retired, (Wh(10_000), BaseUnits(0)));
    assert_eq!(config.total_minted, Wh(10_000));
    let one_more = retire(&world, &key, &meter.wallet, 3, 1);
    let refusal = world
        .refuse(&[&meter.owner], one_more, GridError::NotEnoughTokens)
        .await;
    assert_eq!(refusal.account_at_fault(), Some("token account"));
    let report = world.audit().await;
    assert_eq!(
        (report.retired, report.supply, report.burned_otherwise()),
        (10_000_000_000, BaseUnits(0), 0)
    );
    // Retiring does not bring energy back: nothing is unsettled.
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::InsufficientBalance)
        .await;
}

/// Log lines are forgotten; the receipt stays.
#[tokio::test]
async fn a_retirement_leaves_a_receipt() {
    let mut world = World::new().await;
    let meter = holder(&mut world).await;
    let key = meter.owner.pubkey();
    let token = world.deployment.token_program;
    for (nonce, amount) in [(0, 1), (u64::MAX, 2_500_000_000)] {
        world.pass_time(77).await;
        let retire = retire(&world, &key, &meter.wallet, nonce, amount);
        world.send(&[&meter.owner], retire).await;
        let (address, bump) = find_retirement(&token, &key, nonce);
        let mut reference = [0; 64];
        reference[..9].copy_from_slice(b"INV-2026-");
        let expected = Retirement {
            header: Header::new(AccountType::Retirement, bump, 0),
            holder: key,
            beneficiary: Pubkey::new_from_array([9; 32]),
            amount: BaseUnits(amount),
            retired_at: world.now,
            nonce,
            reference,
        };
        assert_eq!(world.read::<Retirement>(&address).await, expected);
    }
}

#[tokio::test]
async fn a_receipt_is_written_once() {
    let mut world = World::new().await;
    let meter = holder(&mut world).await;
    let key = meter.owner.pubkey();
    let first = retire(&world, &key, &meter.wallet, 5, 1_000);
    world.send(&[&meter.owner], first).await;
    // The same number again, for whatever amount, in the same transaction or later.
    for amount in [1_000, 1_001] {
        let again = retire(&world, &key, &meter.wallet, 5, amount);
        let refusal = world
            .refuse(&[&meter.owner], again, GridError::AlreadyInitialized)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("Retirement"));
    }
    let twice = retire(&world, &key, &meter.wallet, 6, 1);
    world
        .refuse_last(
            &[&meter.owner],
            &[twice.clone(), twice],
            GridError::AlreadyInitialized,
        )
        .await;
    // Another holder has numbers of its own.
    let other = world.active_meter("M-2").await;
    world.report(&other, 3_600, 1_000, 0).await;
    world.settle(&other).await;
    let same_number = retire(&world, &other.owner.pubkey(), &other.wallet, 5, 1);
    world.send(&[&other.owner], same_number.clone()).await;
    // A receipt at another number's address.
    let mut elsewhere = retire(&world, &key, &meter.wallet, 7, 1);
    elsewhere.accounts[6].pubkey = find_retirement(&world.deployment.token_program, &key, 8).0;
    let refusal = world
        .refuse(&[&meter.owner], elsewhere, GridError::WrongAddress)
        .await;
    assert_eq!(refusal.account_at_fault(), Some("Retirement"));
}

/// Somebody who sends lamports to a receipt's address first can't stop it; whoever pays for it needs the rent.
#[tokio::test]
async fn a_receipt_is_paid_by_its_payer() {
    use gridtoken_client::cluster::Cluster;
    let mut world = World::new().await;
    let meter = holder(&mut world).await;
    let (key, token) = (meter.owner.pubkey(), world.deployment.token_program);
    let rent = Rent::default().minimum_balance(size_of::<Retirement>());
    for (nonce, lamports) in [(1, 1), (2, rent - 1), (3, rent + 1)] {
        let address = find_retirement(&token, &key, nonce).0;
        let funds = Account::new(lamports, 0, &system_program::ID);
        world.bank.set_account(&address, funds);
        let retire = retire(&world, &key, &meter.wallet, nonce, 1);
        world.send(&[&meter.owner], retire).await;
        let receipt = world.bank.account(&address).await.expect("an answer");
        assert_eq!(receipt.expect("a receipt").lamports, lamports.max(rent));
    }
    let payer = Keypair::new();
    let mut poor = retire(&world, &key, &meter.wallet, 4, 1);
    poor.accounts[5].pubkey = payer.pubkey();
    let funds = Account::new(rent - 1, 0, &system_program::ID);
    world.bank.set_account(&payer.pubkey(), funds);
    let refusal = world
        .refuse(
            &[&meter.owner, &payer],
            poor.clone(),
            GridError::InsufficientFunds,
        )
        .await;
    assert_eq!(refusal.account_at_fault(), Some("payer"));
    let funds = Account::new(rent, 0, &system_program::ID);
    world.bank.set_account(&payer.pubkey(), funds);
    world.send(&[&meter.owner, &payer], poor).await;
}

#[tokio::test]
async fn only_the_holder_retires_and_only_what_it_has() {
    let mut world = World::new().await;
    let meter = holder(&mut world).await;
    let key = meter.owner.pubkey();
    let (thief, thiefs_wallet) = world.owner().await;
    let stolen = retire(&world, &thief.pubkey(), &meter.wallet, 4, 1);
    world
        .refuse(&[&thief], stolen, GridError::WrongTokenAccountOwner)
        .await;
    // SPL Token would let a delegate of the token account burn; a claim is the holder's.
    let approve = spl_token::instruction::approve(
        &spl_token::ID,
        &meter.wallet,
        &thief.pubkey(),
        &key,
        &[],
        u64::MAX,
    )
    .expect("an instruction");
    world.send(&[&meter.owner], approve).await;
    let stolen = retire(&world, &thief.pubkey(), &meter.wallet, 5, 1);
    world
        .refuse(&[&thief], stolen, GridError::WrongTokenAccountOwner)
        .await;
    for (amount, error) in [
        (0, GridError::InvalidAmount),
        (10_000_000_001, GridError::NotEnoughTokens),
        (u64::MAX, GridError::NotEnoughTokens),
    ] {
        let retire = retire(&world, &key, &meter.wallet, 6, amount);
        world.refuse(&[&meter.owner], retire, error).await;
    }
    let from_an_empty_one = retire(&world, &thief.pubkey(), &thiefs_wallet, 7, 1);
    world
        .refuse(&[&thief], from_an_empty_one, GridError::NotEnoughTokens)
        .await;
    let for_nobody = retire_tokens(
        &world.deployment.token_program,
        &key,
        &meter.wallet,
        &world.payer.pubkey(),
        RetireTokens {
            amount: BaseUnits(1),
            nonce: 1,
            beneficiary: Pubkey::default(),
            reference: [0; 64],
        },
    );
    world
        .refuse(&[&meter.owner], for_nobody, GridError::ZeroAddress)
        .await;
}

#[tokio::test]
async fn a_token_account_of_another_mint_is_refused() {
    use gridtoken_client::cluster::Cluster;
    let mut world = World::new().await;
    let meter = holder(&mut world).await;
    let account = world.bank.account(&meter.wallet).await.expect("an answer");
    let mut other = account.expect("a wallet");
    other.data[..32].copy_from_slice(&[7; 32]);
    let wallet = Pubkey::new_unique();
    world.bank.set_account(&wallet, other);
    let retire = retire(&world, &meter.owner.pubkey(), &wallet, 8, 1);
    world
        .refuse(&[&meter.owner], retire, GridError::WrongTokenAccountMint)
        .await;
}

#[tokio::test]
async fn a_total_that_does_not_fit_is_refused() {
    let mut world = World::new().await;
    let meter = holder(&mut world).await;
    let config = world.deployment.token_config();
    world
        .edit(&config, |config: &mut TokenConfig| {
            config.total_retired = Wh(u64::MAX);
            config.retired_beside = BaseUnits(999_999)
        })
        .await;
    let retire = retire(&world, &meter.owner.pubkey(), &meter.wallet, 9, 1);
    world
        .refuse(&[&meter.owner], retire, GridError::ArithmeticOverflow)
        .await;
}

/// Minting may be off and a limit used up: what one has, one can retire.
#[tokio::test]
async fn retirement_needs_no_minting() {
    let mut world = World::new().await;
    let meter = holder(&mut world).await;
    let authority = world.authority.clone();
    let disable = world
        .deployment
        .set_minting_enabled(&authority.pubkey(), false);
    world.send(&[&authority], disable).await;
    let retire = retire(&world, &meter.owner.pubkey(), &meter.wallet, 10, 1);
    world.send(&[&meter.owner], retire).await;
    // A holder who burns without claiming anything breaks no rule.
    let burn = spl_token::instruction::burn(
        &spl_token::ID,
        &meter.wallet,
        &world.deployment.mint(),
        &meter.owner.pubkey(),
        &[],
        9,
    )
    .expect("an instruction");
    world.send(&[&meter.owner], burn).await;
    world.burned = 9;
    world.audit().await;
}
