//! A delegate settles to the owner's plain account, and can't choose another one.

use std::sync::Arc;

use gridtoken_tests::{TestMeter, World};
use registry_program::instruction::{
    set_delegate, settle_and_mint_tokens, settle_many_and_mint_tokens,
};
use shared_state::GridError;
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, program_pack::Pack, pubkey::Pubkey};
use solana_signer::Signer;
use spl_token::instruction::AuthorityType;

/// A meter with 10 kWh to settle, and the delegate that it was registered with.
async fn delegated_meter(world: &mut World) -> (TestMeter, Keypair) {
    let delegate = Keypair::new();
    let meter = world
        .meter_with("M-1", |args| args.delegate = delegate.pubkey())
        .await;
    world.report(&meter, 3_600, 10_000, 0).await;
    (meter, delegate)
}

/// One and many: both settlements to this account, signed by the claimant.
fn settlements(
    world: &World,
    meter: &TestMeter,
    claimant: &Keypair,
    recipient: &Pubkey,
) -> [Instruction; 2] {
    let deployment = world.deployment;
    let (registry, token) = (&deployment.registry_program, &deployment.token_program);
    let key = claimant.pubkey();
    [
        settle_and_mint_tokens(registry, &meter.address, &key, token, recipient),
        settle_many_and_mint_tokens(registry, &[meter.address], &key, token, recipient),
    ]
}

/// A further GRID account of this key.
async fn grid_account(world: &mut World, owner: &Pubkey) -> Pubkey {
    let account = Keypair::new();
    let rent = 10_000_000;
    let size = spl_token::state::Account::LEN as u64;
    let create = solana_system_interface::instruction::create_account(
        &world.payer.pubkey(),
        &account.pubkey(),
        rent,
        size,
        &spl_token::ID,
    );
    let initialize = spl_token::instruction::initialize_account3(
        &spl_token::ID,
        &account.pubkey(),
        &world.deployment.mint(),
        owner,
    );
    let instructions = [create, initialize.expect("an instruction")];
    world.send_all(&[&account], &instructions).await;
    account.pubkey()
}

/// Gives an account of `from`'s another authority of this kind.
async fn give(
    world: &mut World,
    account: &Pubkey,
    from: &Keypair,
    kind: AuthorityType,
    to: Option<&Pubkey>,
) {
    let set = spl_token::instruction::set_authority(
        &spl_token::ID,
        account,
        to,
        kind,
        &from.pubkey(),
        &[],
    );
    world.send(&[from], set.expect("an instruction")).await;
}

#[tokio::test]
async fn a_delegate_that_a_meter_was_registered_with_settles_at_once_until_the_owner_changes_it() {
    let mut world = World::new().await;
    let (meter, delegate) = delegated_meter(&mut world).await;
    let [one, many] = settlements(&world, &meter, &delegate, &meter.wallet);
    world.send(&[&delegate], one.clone()).await;
    assert_eq!(world.balance(&meter.wallet).await, 10_000_000_000);
    world.report(&meter, 3_600, 20_000, 0).await;
    world.send(&[&delegate], many).await;
    assert_eq!(world.balance(&meter.wallet).await, 20_000_000_000);

    world.report(&meter, 3_600, 30_000, 0).await;
    let registry = world.deployment.registry_program;
    let owner = meter.owner.pubkey();
    let nobody = set_delegate(&registry, &owner, &meter.address, &Pubkey::default());
    world.send(&[&meter.owner], nobody).await;
    world
        .refuse(&[&delegate], one, GridError::Unauthorized)
        .await;
}

/// Any account of the owner's will do, as long as nobody else has power over it.
#[tokio::test]
async fn another_plain_account_of_the_owner_is_as_good() {
    let mut world = World::new().await;
    let (meter, delegate) = delegated_meter(&mut world).await;
    let second = grid_account(&mut world, &meter.owner.pubkey()).await;
    let [one, _] = settlements(&world, &meter, &delegate, &second);
    world.send(&[&delegate], one).await;
    assert_eq!(world.balance(&second).await, 10_000_000_000);
}

/// The delegate makes an account, keeps the right to close it, and gives it to the owner, who knows nothing of it.
#[tokio::test]
async fn a_delegate_can_not_settle_to_an_account_that_somebody_may_close() {
    let mut world = World::new().await;
    let (meter, delegate) = delegated_meter(&mut world).await;
    let odd = grid_account(&mut world, &delegate.pubkey()).await;
    let key = delegate.pubkey();
    give(
        &mut world,
        &odd,
        &delegate,
        AuthorityType::CloseAccount,
        Some(&key),
    )
    .await;
    let owner = meter.owner.pubkey();
    give(
        &mut world,
        &odd,
        &delegate,
        AuthorityType::AccountOwner,
        Some(&owner),
    )
    .await;
    for settle in settlements(&world, &meter, &delegate, &odd) {
        let refusal = world
            .refuse(&[&delegate], settle, GridError::TokenAccountNotPlain)
            .await;
        assert_eq!(refusal.account_at_fault(), Some("recipient"));
    }
    // The owner may: it is the owner's account.
    let [one, _] = settlements(&world, &meter, &meter.owner, &odd);
    world.send(&[&meter.owner], one).await;
    assert_eq!(world.balance(&odd).await, 10_000_000_000);
}

#[tokio::test]
async fn a_delegate_can_not_settle_to_an_account_that_has_an_spl_delegate() {
    let mut world = World::new().await;
    let (meter, delegate) = delegated_meter(&mut world).await;
    let approve = |to: &Pubkey, amount| {
        spl_token::instruction::approve(
            &spl_token::ID,
            &meter.wallet,
            to,
            &meter.owner.pubkey(),
            &[],
            amount,
        )
        .expect("an instruction")
    };
    for amount in [1, u64::MAX] {
        let approve = approve(&Pubkey::new_unique(), amount);
        world.send(&[&meter.owner], approve).await;
        for settle in settlements(&world, &meter, &delegate, &meter.wallet) {
            let refusal = world
                .refuse(&[&delegate], settle, GridError::TokenAccountNotPlain)
                .await;
            assert_eq!(refusal.account_at_fault(), Some("recipient"));
        }
    }
    // The owner may, and once the power is revoked, the delegate too.
    let [_, many] = settlements(&world, &meter, &meter.owner, &meter.wallet);
    world.send(&[&meter.owner], many).await;
    world.report(&meter, 3_600, 20_000, 0).await;
    let revoke =
        spl_token::instruction::revoke(&spl_token::ID, &meter.wallet, &meter.owner.pubkey(), &[]);
    let revoke = revoke.expect("an instruction");
    world.send(&[&meter.owner], revoke).await;
    let [one, _] = settlements(&world, &meter, &delegate, &meter.wallet);
    world.send(&[&delegate], one).await;
    assert_eq!(world.balance(&meter.wallet).await, 20_000_000_000);
}

/// Who owns one meter and is the delegate of another settles each to its own owner.
#[tokio::test]
async fn a_delegate_that_owns_meters_itself_keeps_them_apart() {
    let mut world = World::new().await;
    let (meter, delegate) = delegated_meter(&mut world).await;
    let delegate = Arc::new(delegate);
    let (own_wallet, key) = (
        world.deployment.grid_account(&delegate.pubkey()),
        delegate.pubkey(),
    );
    let create = spl_associated_token_account::instruction::create_associated_token_account(
        &world.payer.pubkey(),
        &key,
        &world.deployment.mint(),
        &spl_token::ID,
    );
    world.send(&[], create).await;
    let own = world.meter_of(&delegate, "M-2").await;
    world.report(&own, 3_600, 1_000, 0).await;
    for recipient in [own_wallet, meter.wallet] {
        let deployment = world.deployment;
        let both = settle_many_and_mint_tokens(
            &deployment.registry_program,
            &[meter.address, own.address],
            &key,
            &deployment.token_program,
            &recipient,
        );
        world
            .refuse(&[&delegate], both, GridError::WrongTokenAccountOwner)
            .await;
    }
    let [one, _] = settlements(&world, &meter, &delegate, &meter.wallet);
    world.send(&[&delegate], one).await;
    world.settle(&own).await;
    assert_eq!(world.balance(&meter.wallet).await, 10_000_000_000);
    assert_eq!(world.balance(&own_wallet).await, 1_000_000_000);
}
