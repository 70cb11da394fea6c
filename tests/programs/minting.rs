//! MintSettled and SetMintingEnabled: who can mint, and who can stop it.

use gridtoken_tests::World;
use shared_state::{
    event::{Event, MintingEnabledChanged, TokensMinted},
    quantity::{BaseUnits, Wh},
    state::TokenConfig,
    GridError,
};
use solana_keypair::Keypair;
use solana_program::{instruction::AccountMeta, pubkey::Pubkey};
use solana_signer::Signer;
use token_program::instruction::mint_settled;

#[tokio::test]
async fn disabled_minting_stops_settlements_and_loses_nothing() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let authority = world.authority.clone();
    world.report(&meter, 3_600, 10_000, 0).await;

    let disable = world
        .deployment
        .set_minting_enabled(&authority.pubkey(), false);
    let receipt = world.send(&[&authority], disable).await;
    assert_eq!(
        receipt.events(),
        [Event::MintingEnabledChanged(MintingEnabledChanged {
            changed_by: authority.pubkey(),
            enabled: 0,
        })]
    );
    let settle = world.settlement(&meter);
    world
        .refuse(&[&meter.owner], settle, GridError::MintingDisabled)
        .await;
    assert_eq!(world.meter(&meter).await.unsettled(), Wh(10_000));

    let enable = world
        .deployment
        .set_minting_enabled(&authority.pubkey(), true);
    let receipt = world.send(&[&authority], enable).await;
    assert_eq!(
        receipt.events(),
        [Event::MintingEnabledChanged(MintingEnabledChanged {
            changed_by: authority.pubkey(),
            enabled: 1,
        })]
    );
    world.settle(&meter).await;
    assert_eq!(world.balance(&meter.wallet).await, 10_000_000_000);
    world.audit().await;
}

#[tokio::test]
async fn only_the_token_authority_switches_minting() {
    let mut world = World::new().await;
    let stranger = Keypair::new();
    let disable = world
        .deployment
        .set_minting_enabled(&stranger.pubkey(), false);
    world
        .refuse(&[&stranger], disable, GridError::Unauthorized)
        .await;
    let authority = world.authority.clone();
    let mut neither = world
        .deployment
        .set_minting_enabled(&authority.pubkey(), true);
    neither.data[1] = 2;
    world
        .refuse(&[&authority], neither, GridError::InvalidInstructionData)
        .await;
}

#[tokio::test]
async fn nobody_mints_by_calling_the_token_program() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let token = world.deployment.token_program;
    // Whoever signs: the token authority, the owner, a stranger ...
    for caller in [&world.authority.clone(), &meter.owner, &Keypair::new()] {
        let mint = mint_settled(&token, &caller.pubkey(), &meter.wallet, Wh(1_000));
        world.refuse(&[caller], mint, GridError::Unauthorized).await;
    }
    // ... and with the registry's address but not its signature.
    let mut mint = mint_settled(
        &token,
        &world.deployment.registry_config(),
        &meter.wallet,
        Wh(1_000),
    );
    mint.accounts[0].is_signer = false;
    world.refuse(&[], mint, GridError::MissingSignature).await;
    assert_eq!(world.supply().await, 0);
}

#[tokio::test]
async fn nobody_mints_with_the_mint_authority_of_spl_token() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let authority = world.authority.clone();
    let mint = spl_token::instruction::mint_to(
        &spl_token::ID,
        &world.deployment.mint(),
        &meter.wallet,
        &authority.pubkey(),
        &[],
        1,
    )
    .expect("an instruction");
    let error = world
        .try_send(&[&authority], mint)
        .await
        .expect_err("not the mint authority");
    assert_eq!(error.grid_error(), None);
    assert_eq!(world.supply().await, 0);
}

/// What the registry's signature can and can't do: a key of the test takes its place.
#[tokio::test]
async fn the_registry_authority_mints_within_the_other_checks() {
    let mut world = World::new().await;
    let meter = world.active_meter("M-1").await;
    let registry = Keypair::new();
    world.forged = true;
    let config = world.deployment.token_config();
    world
        .edit(&config, |config: &mut TokenConfig| {
            config.registry_authority = registry.pubkey()
        })
        .await;
    let token = world.deployment.token_program;
    let mint = |energy| mint_settled(&token, &registry.pubkey(), &meter.wallet, energy);

    let receipt = world.send(&[&registry], mint(Wh(2))).await;
    assert_eq!(
        receipt.events(),
        [Event::TokensMinted(TokensMinted {
            recipient: meter.wallet,
            amount: BaseUnits(2_000_000),
            new_total_supply: BaseUnits(2_000_000),
        })]
    );
    world
        .refuse(&[&registry], mint(Wh(0)), GridError::InvalidAmount)
        .await;
    world
        .refuse(
            &[&registry],
            mint(Wh(u64::MAX)),
            GridError::ArithmeticOverflow,
        )
        .await;
    world
        .refuse(
            &[&registry],
            mint(Wh(u64::MAX / 1_000_000)),
            GridError::SupplyFull,
        )
        .await;

    for (index, fake, error) in [
        (
            1,
            world.deployment.registry_config(),
            GridError::WrongAccountOwner,
        ),
        (1, world.deployment.mint(), GridError::WrongAccountOwner),
        (2, Pubkey::new_unique(), GridError::WrongMint),
        (2, meter.wallet, GridError::WrongMint),
        (4, token, GridError::WrongProgram),
    ] {
        let mut mint = mint(Wh(1));
        mint.accounts[index].pubkey = fake;
        world.refuse(&[&registry], mint, error).await;
    }
    // A recipient that is no GRID account: SPL Token refuses.
    for recipient in [Pubkey::new_unique(), world.deployment.mint()] {
        let mut mint = mint(Wh(1));
        mint.accounts[3] = AccountMeta::new(recipient, false);
        assert!(world.try_send(&[&registry], mint).await.is_err());
    }
    assert_eq!(world.supply().await, 2_000_000);
    assert_eq!(world.token_config().await.total_minted, Wh(2));
}
