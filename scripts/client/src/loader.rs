//! What the upgradeable loader knows of a program.

use anyhow::{bail, ensure, Context};
use shared_state::pda::find_program_data;
use solana_loader_v3_interface::state::UpgradeableLoaderState;
use solana_program::pubkey::Pubkey;
use solana_sdk_ids::bpf_loader_upgradeable;

use crate::{cluster::Cluster, deployment::Program, rpc::Rpc};

/// A program's upgrade authority, if it has one still. Fails if it isn't deployed.
pub async fn upgrade_authority(rpc: &Rpc, program: &Program) -> anyhow::Result<Option<Pubkey>> {
    let Program {
        name, id: program, ..
    } = program;
    let url = rpc.url();
    let deploy = "deploy it with solana program deploy, or check --url and the address";
    let account = rpc.account(program).await?.with_context(|| {
        format!("the {name} program {program} is not deployed on {url}: {deploy}")
    })?;
    ensure!(
        account.owner == bpf_loader_upgradeable::ID && account.executable,
        "{program} on {url} is not a program of the upgradeable loader, so not the {name} program: {deploy}"
    );
    let data = rpc.account(&find_program_data(program)).await?;
    let data =
        data.with_context(|| format!("the {name} program {program} was closed: {deploy}"))?;
    let size = UpgradeableLoaderState::size_of_programdata_metadata();
    match bincode::deserialize(data.data.get(..size).unwrap_or(&data.data)) {
        Ok(UpgradeableLoaderState::ProgramData {
            upgrade_authority_address,
            ..
        }) => Ok(upgrade_authority_address),
        _ => bail!("the {name} program {program} on {url} has no code: {deploy}"),
    }
}
