//! The cases of the token program.

use std::sync::Arc;

use shared_state::{
    quantity::{BaseUnits, Wh},
    GridError::{
        NotATokenAccount, NotUpgradeAuthority, Unauthorized, WrongAddress, WrongMint, WrongProgram,
        WrongTokenAccountOwner,
    },
};
use solana_keypair::Keypair;
use solana_signer::Signer;
use token_program::instruction::{
    accept_authority, mint_settled, propose_authority, retire_tokens, set_mint_limit,
    set_minting_enabled, set_registry_authority, RetireTokens, SetMintLimit, TokenInstruction,
};

use super::{any, place, Caller, Case, Setting, Stage};

pub fn case(setting: &Setting, kind: &TokenInstruction) -> Case {
    let (authority, deployment) = (&setting.world.authority, &setting.deployment);
    let (token, mint) = (&deployment.token_program, deployment.mint());
    let (key, heir) = (&authority.pubkey(), &setting.heir);
    let by_authority = |instruction| {
        let places = vec![place(Unauthorized), setting.token_config()];
        Case::new(&[authority], instruction, places)
    };
    match kind {
        TokenInstruction::Initialize(_) => {
            let [_, _, initialize] = setting.deployed.initialize();
            let places = vec![
                place(NotUpgradeAuthority),
                any(),
                place(WrongAddress),
                place(WrongAddress),
                place(WrongAddress),
                place(WrongProgram),
                place(WrongProgram),
            ];
            Case {
                stage: Stage::Deployed,
                ..Case::new(&[&setting.deployed.authority], initialize, places)
            }
        }
        TokenInstruction::MintSettled(_) => {
            let registry = Arc::new(Keypair::new());
            let places = vec![
                place(Unauthorized),
                setting.token_config(),
                place(WrongMint),
                // SPL Token checks the recipient: see `minting`.
                any(),
                place(WrongProgram),
            ];
            let mint = mint_settled(token, &registry.pubkey(), &setting.meter.wallet, Wh(1));
            Case {
                stands_in_for: Some(Caller::Registry),
                comes_last: true,
                ..Case::new(&[&registry], mint, places)
            }
        }
        TokenInstruction::SetMintingEnabled(_) => Case {
            comes_last: true,
            ..by_authority(set_minting_enabled(token, key, false))
        },
        TokenInstruction::SetMintLimit(_) => {
            let none = SetMintLimit {
                burst: BaseUnits(0),
                rate_per_second: BaseUnits(0),
            };
            by_authority(set_mint_limit(token, key, none))
        }
        TokenInstruction::RetireTokens(_) => {
            let (holder, wallet) = (&setting.settled.owner, &setting.settled.wallet);
            let args = RetireTokens {
                amount: BaseUnits(1),
                nonce: 7,
                beneficiary: *key,
                reference: [7; 64],
            };
            let places = vec![
                place(WrongTokenAccountOwner),
                place(NotATokenAccount)
                    .or(mint, NotATokenAccount)
                    .or(setting.meter.wallet, WrongTokenAccountOwner),
                place(WrongMint).or(*wallet, WrongMint),
                setting.token_config(),
                place(WrongProgram).or(*token, WrongProgram),
                any(),
                place(WrongAddress).or(*wallet, WrongAddress),
                place(WrongProgram),
            ];
            let payer = &setting.world.payer.pubkey();
            let retire = retire_tokens(token, &holder.pubkey(), wallet, payer, args);
            Case::new(&[holder], retire, places)
        }
        TokenInstruction::SetRegistryAuthority(_) => {
            let same = &deployment.registry_config();
            let places = vec![
                place(NotUpgradeAuthority),
                setting.token_config(),
                place(WrongAddress).or(*token, WrongAddress),
            ];
            let set = set_registry_authority(token, key, same);
            Case::new(&[authority], set, places)
        }
        TokenInstruction::ProposeAuthority(_) => {
            by_authority(propose_authority(token, key, &heir.pubkey()))
        }
        TokenInstruction::AcceptAuthority => {
            let places = vec![place(Unauthorized), setting.token_config()];
            let accept = accept_authority(token, &heir.pubkey());
            Case {
                comes_last: true,
                ..Case::new(&[heir], accept, places)
            }
        }
    }
}
