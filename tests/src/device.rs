//! Meters whose devices sign.

use gridtoken_client::device::SigningKey;
use oracle_program::{
    instruction::submit_signed_readings,
    signature::{message, SignedMessage},
};
use registry_program::instruction::RegisterMeter;
use shared_state::reading::Reading;
use solana_keypair::Keypair;
use solana_program::{hash::hash, instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;

use crate::{TestMeter, World};

/// A registered, active meter whose device signs.
pub struct SigningMeter {
    pub meter: TestMeter,
    pub device: SigningKey,
}

/// The Ed25519 key that always belongs to this name.
pub fn ed25519(name: &str) -> SigningKey {
    SigningKey::Ed25519(Keypair::new_from_array(hash(name.as_bytes()).to_bytes()))
}

/// The P-256 key that always belongs to this name.
pub fn p256(name: &str) -> SigningKey {
    let key = p256::ecdsa::SigningKey::from_slice(hash(name.as_bytes()).as_ref());
    SigningKey::P256(key.expect("a number below the curve's order"))
}

/// A message that a device signs.
pub fn signed(device: &SigningKey, message: Vec<u8>) -> SignedMessage {
    let public = device.public();
    SignedMessage {
        key_type: public.kind,
        key: public.key,
        signature: device.sign(&message).into(),
        message,
    }
}

impl World {
    /// Registers and activates a meter for a new owner whose device signs.
    pub async fn signing_meter(&mut self, serial: &str, device: SigningKey) -> SigningMeter {
        let (owner, wallet) = self.owner().await;
        let public = device.public();
        let args = RegisterMeter {
            device_key: public.key,
            device_key_type: public.kind as u64,
            ..Self::registration(serial, &owner.pubkey())
        };
        SigningMeter {
            meter: self.register(args, owner, wallet).await,
            device,
        }
    }

    /// Has a meter's device sign readings.
    pub fn sign(&self, meter: &SigningMeter, readings: &[Reading]) -> SignedMessage {
        let registry = &self.deployment.registry_program;
        signed(&meter.device, message(registry, &meter.meter.id, readings))
    }

    /// Submits signed readings as the reporter.
    pub fn submit_signed(&self, strict: bool, meters: &[&SigningMeter]) -> Instruction {
        let meters: Vec<Pubkey> = meters.iter().map(|meter| meter.meter.address).collect();
        submit_signed_readings(
            &self.deployment.oracle_program,
            &self.reporter.pubkey(),
            &self.deployment.registry_program,
            strict,
            &meters,
        )
    }
}
