//! The signing key: derived from the secret for one day, Region and service, and what it signed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::TERMINATOR;

/// Signs for one day, Region and service. Deriving it costs four HMACs; it may be kept for that
/// day, and must be guarded like the secret.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// Derives the key; `date` is `yyyymmdd`.
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        let first = hmac(format!("AWS4{secret}").as_bytes(), date.as_bytes());
        let scope = [region, service, TERMINATOR];
        Self(scope.iter().fold(first, |key, part| hmac(&key, part.as_bytes())))
    }

    /// This key's signature over `text`, for what signs requests to itself.
    pub(crate) fn sign(&self, text: &[u8]) -> String {
        super::canonical::hex(&hmac(&self.0, text))
    }

    /// Whether `signature`, 64 lower-case hexadecimal digits, is this key's over `text`.
    pub(super) fn signed(&self, text: &[u8], signature: &str) -> bool {
        let computed = hmac(&self.0, text);
        decode_hex(signature).is_some_and(|presented| bool::from(computed.ct_eq(&presented)))
    }
}

/// Shows nothing of the key.
impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn decode_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}
