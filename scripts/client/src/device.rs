//! Devices' keys: how people write them, what they sign, and whether a signature is theirs.

use std::{fmt, fs, path::Path, str::FromStr};

use anyhow::{anyhow, bail, Context};
use p256::{
    ecdsa::{
        signature::{Signer as _, Verifier as _},
        Signature as P256Signature, SigningKey as P256SigningKey, VerifyingKey,
    },
    elliptic_curve::sec1::ToSec1Point,
    pkcs8::{DecodePrivateKey, DecodePublicKey},
    PublicKey, SecretKey,
};
use shared_state::state::{DeviceKeyType, Meter};
use solana_keypair::{read_keypair_file, Keypair};
use solana_program::pubkey::Pubkey;
use solana_signature::Signature;
use solana_signer::Signer;

/// Lengths of a P-256 key by SEC1: compressed, and not.
const SEC1: [usize; 2] = [33, 65];

/// A device's key, as it stands in a [`Meter`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeviceKey {
    /// Its kind.
    pub kind: DeviceKeyType,
    /// Its bytes; all zeros if there is none.
    pub key: Pubkey,
}

impl DeviceKey {
    /// None: the reporter vouches for the readings.
    pub const NONE: Self = Self {
        kind: DeviceKeyType::None,
        key: Pubkey::new_from_array([0; 32]),
    };

    /// A meter's.
    pub fn of(meter: &Meter) -> Self {
        Self {
            // No instruction writes another byte.
            kind: DeviceKeyType::from_byte(meter.device_key_type).unwrap_or(DeviceKeyType::None),
            key: meter.device_key,
        }
    }

    /// Whether there is one.
    pub fn is_some(&self) -> bool {
        self.kind != DeviceKeyType::None
    }

    /// The key that a text means: an Ed25519 key in base58 or as a keypair's file, or a P-256 key in hexadecimal digits
    /// (SEC1: 33 bytes compressed, 65 bytes not) or as a PEM file. Keys that are not on their curve are refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(bytes) = from_hex(text) {
            return Self::from_sec1(&bytes);
        }
        if let Ok(key) = Pubkey::from_str(text) {
            return Self::ed25519(key);
        }
        let Ok(content) = fs::read_to_string(text) else {
            return Err("neither an Ed25519 key in base58, nor a P-256 key in hexadecimal digits (SEC1: 33 or 65 bytes), nor a file of one (a keypair of solana-keygen, or PEM)".to_owned());
        };
        if content.contains("-----BEGIN ") {
            return p256_of_pem(&content).map(Self::from);
        }
        match read_keypair_file(text) {
            Ok(keypair) => Self::ed25519(keypair.pubkey()),
            Err(error) => Err(format!(
                "{text} is neither PEM nor the file of a keypair, as solana-keygen makes them: {error}"
            )),
        }
    }

    fn ed25519(key: Pubkey) -> Result<Self, String> {
        if key == Pubkey::default() {
            return Err("a key of zeros stands for no key: leave it out".to_owned());
        }
        if !key.is_on_curve() {
            return Err(format!(
                "{key} is not a point on the Ed25519 curve, so nothing can sign with it: is it an account's address?"
            ));
        }
        Ok(Self {
            kind: DeviceKeyType::Ed25519,
            key,
        })
    }

    fn from_sec1(bytes: &[u8]) -> Result<Self, String> {
        if !SEC1.contains(&bytes.len()) {
            return Err(format!(
                "{} bytes in hexadecimal digits: a P-256 key has 33 (compressed, from 02 or 03 on) or 65 (from 04 on)",
                bytes.len()
            ));
        }
        let expected: &[u8] = if bytes.len() == SEC1[0] {
            &[2, 3]
        } else {
            &[4]
        };
        if !expected.contains(&bytes[0]) {
            return Err(format!(
                "a P-256 key of {} bytes starts with {}, not with {:02x}",
                bytes.len(),
                if bytes.len() == SEC1[0] {
                    "02 or 03"
                } else {
                    "04"
                },
                bytes[0]
            ));
        }
        PublicKey::from_sec1_bytes(bytes)
            .map(Self::from)
            .map_err(|_| "these bytes are not a point on the curve P-256".to_owned())
    }

    /// The signature of a message by this key, as the chain takes it, if it is one: of P-256 with the lower of the two
    /// values of s that are both right.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Option<Signature> {
        match self.kind {
            DeviceKeyType::None => None,
            DeviceKeyType::Ed25519 => signature
                .verify(self.key.as_ref(), message)
                .then_some(*signature),
            DeviceKeyType::P256Even | DeviceKeyType::P256Odd => {
                let key = VerifyingKey::from_sec1_bytes(&self.sec1()).ok()?;
                let signature = P256Signature::from_slice(signature.as_ref()).ok()?;
                key.verify(message, &signature).ok()?;
                Some(low(&signature))
            }
        }
    }

    /// A P-256 key, compressed.
    fn sec1(&self) -> Vec<u8> {
        [&[self.kind as u8][..], self.key.as_ref()].concat()
    }
}

impl From<PublicKey> for DeviceKey {
    fn from(key: PublicKey) -> Self {
        let point = key.to_sec1_point(true);
        let mut x = [0; 32];
        x.copy_from_slice(&point.as_bytes()[1..]);
        Self {
            kind: match point.as_bytes()[0] {
                2 => DeviceKeyType::P256Even,
                _ => DeviceKeyType::P256Odd,
            },
            key: Pubkey::new_from_array(x),
        }
    }
}

/// As [`DeviceKey::parse`] takes it.
impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DeviceKeyType::None => f.write_str("none"),
            DeviceKeyType::Ed25519 => self.key.fmt(f),
            DeviceKeyType::P256Even | DeviceKeyType::P256Odd => self
                .sec1()
                .iter()
                .try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// What a device signs with.
pub enum SigningKey {
    /// Ed25519.
    Ed25519(Keypair),
    /// P-256 with SHA-256.
    P256(P256SigningKey),
}

impl SigningKey {
    /// The key in a file: a keypair as solana-keygen makes them, or a P-256 key in PEM (PKCS#8 or SEC1).
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let content =
            fs::read_to_string(path).with_context(|| format!("the device's key {shown}"))?;
        if !content.contains("-----BEGIN ") {
            return match read_keypair_file(path) {
                Ok(keypair) => Ok(Self::Ed25519(keypair)),
                Err(error) => bail!(
                    "{shown} is neither PEM nor the file of a keypair, as solana-keygen makes them: {error}"
                ),
            };
        }
        let key = secret_of_pem(&content).map_err(|problem| anyhow!("{shown}: {problem}"))?;
        Ok(Self::P256(key.into()))
    }

    /// Its public half.
    pub fn public(&self) -> DeviceKey {
        match self {
            Self::Ed25519(keypair) => DeviceKey {
                kind: DeviceKeyType::Ed25519,
                key: keypair.pubkey(),
            },
            Self::P256(key) => PublicKey::from(key.verifying_key()).into(),
        }
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Signature {
        match self {
            Self::Ed25519(keypair) => keypair.sign_message(message),
            Self::P256(key) => {
                let signature: P256Signature = key.sign(message);
                low(&signature)
            }
        }
    }
}

/// With s at most half of the curve's order.
fn low(signature: &P256Signature) -> Signature {
    let bytes: [u8; 64] = signature.normalize_s().to_bytes().into();
    bytes.into()
}

fn p256_of_pem(text: &str) -> Result<PublicKey, String> {
    if text.contains("PRIVATE KEY-----") {
        return secret_of_pem(text).map(|key| key.public_key());
    }
    PublicKey::from_public_key_pem(text.trim())
        .map_err(|error| format!("PEM, but not a public key on the curve P-256: {error}"))
}

fn secret_of_pem(text: &str) -> Result<SecretKey, String> {
    // OpenSSL puts the curve's parameters before a key in SEC1.
    let key = text.rfind("-----BEGIN ").map_or(text, |at| &text[at..]);
    let found = if key.starts_with("-----BEGIN EC ") {
        SecretKey::from_sec1_pem(key.trim()).map_err(|error| error.to_string())
    } else {
        SecretKey::from_pkcs8_pem(key.trim()).map_err(|error| error.to_string())
    };
    found.map_err(|error| format!("PEM, but not a private key on the curve P-256: {error}"))
}

/// Bytes of hexadecimal digits; more of them than any key in base58 has.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let is_hex =
        text.len() > 44 && text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| {
        (0..text.len())
            .step_by(2)
            .filter_map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn device() -> SigningKey {
        SigningKey::P256(P256SigningKey::from_slice(&[7; 32]).expect("a key"))
    }

    #[test]
    fn p256_keys_in_all_their_forms() {
        let SigningKey::P256(signing) = device() else {
            unreachable!()
        };
        let public = PublicKey::from(signing.verifying_key());
        let key = device().public();
        for is_compressed in [true, false] {
            let text = hex(public.to_sec1_point(is_compressed).as_bytes());
            assert_eq!(DeviceKey::parse(&text), Ok(key));
            assert_eq!(DeviceKey::parse(&text.to_uppercase()), Ok(key));
        }
        // What is shown can be given.
        assert_eq!(DeviceKey::parse(&key.to_string()), Ok(key));
    }

    #[test]
    fn keys_that_are_none() {
        let not_on_p256 = format!("02{}", "ff".repeat(32));
        let program_address = Pubkey::find_program_address(&[b"x"], &Pubkey::new_unique()).0;
        for (text, problem) in [
            (&not_on_p256[..], "not a point on the curve P-256"),
            (&"02".repeat(32), "32 bytes in hexadecimal digits"),
            (
                &format!("04{}", "11".repeat(32)),
                "starts with 02 or 03, not with 04",
            ),
            (
                &format!("02{}", "11".repeat(64)),
                "starts with 04, not with 02",
            ),
            (
                &format!("04{}", "11".repeat(64)),
                "not a point on the curve P-256",
            ),
            (
                &program_address.to_string(),
                "not a point on the Ed25519 curve",
            ),
            ("11111111111111111111111111111111", "stands for no key"),
            ("nowhere.pem", "neither an Ed25519 key"),
        ] {
            let error = DeviceKey::parse(text).expect_err("no key");
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn signatures_of_both_kinds_and_the_other_s() {
        for key in [device(), SigningKey::Ed25519(Keypair::new())] {
            let signature = key.sign(b"a message");
            assert_eq!(
                key.public().verify(b"a message", &signature),
                Some(signature)
            );
            assert_eq!(key.public().verify(b"another", &signature), None);
            assert_eq!(DeviceKey::NONE.verify(b"a message", &signature), None);
        }
        // s and the order minus s are both right; the chain takes the lower one.
        let signature = device().sign(b"a message");
        let low = P256Signature::from_slice(signature.as_ref()).expect("a signature");
        let (r, s) = low.split_scalars();
        let high = P256Signature::from_scalars(*r, -*s).expect("a signature");
        let high: [u8; 64] = high.to_bytes().into();
        assert_ne!(high, <[u8; 64]>::from(signature));
        let found = device().public().verify(b"a message", &high.into());
        assert_eq!(found, Some(signature));
    }
}
