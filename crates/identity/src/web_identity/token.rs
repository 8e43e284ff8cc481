//! A signed token as text: its header, its payload and its signature. Only the payload and two
//! members of the header are ever looked at; a key or an address of keys in the header is not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::WebIdentityFault;

/// The signatures that are taken: by keys of which the issuer shows only the public half.
const ALGORITHMS: [(&str, Algorithm); 8] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
];

/// A token that is well-formed. Nothing in it is proven until [`Jwt::verify`] says so.
pub(super) struct Jwt<'a> {
    header: Header,
    payload: Map<String, Value>,
    /// Header and payload as they were signed.
    message: &'a str,
    signature: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// What must be understood, and is not.
    #[serde(default)]
    crit: Option<Value>,
}

impl<'a> Jwt<'a> {
    /// Reads the compact form: three parts with points between them.
    pub(super) fn read(text: &'a str) -> Option<Jwt<'a>> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        if payload.contains('.') {
            return None;
        }
        let header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let payload = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        Some(Jwt { header, payload, message, signature })
    }

    pub(super) fn issuer(&self) -> Option<&str> {
        self.payload.get("iss")?.as_str()
    }

    pub(super) fn into_payload(self) -> Map<String, Value> {
        self.payload
    }

    /// The algorithm, if it is one that is taken.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        let known = ALGORITHMS.iter().find(|(name, _)| *name == self.header.alg);
        known.filter(|_| self.header.crit.is_none()).map(|(_, algorithm)| *algorithm)
    }

    /// The key that is said to have signed: of this name, or the only one where none is named.
    pub(super) fn choose<'k>(&self, keys: &'k [Jwk]) -> Option<&'k Jwk> {
        match &self.header.kid {
            Some(kid) => keys.iter().find(|key| key.common.key_id.as_ref() == Some(kid)),
            None => match keys {
                [only] => Some(only),
                _ => None,
            },
        }
    }

    /// Whether this key has signed, by the algorithm of the header and for nothing else.
    pub(super) fn verify(&self, key: &Jwk) -> Result<(), WebIdentityFault> {
        let algorithm = self.algorithm().ok_or(WebIdentityFault::Invalid)?;
        let own = key.common.key_algorithm.map(|own| own.to_string());
        if own.is_some_and(|own| own != self.header.alg) {
            return Err(WebIdentityFault::Invalid);
        }
        let key = DecodingKey::from_jwk(key).map_err(|_| WebIdentityFault::Invalid)?;
        match crypto::verify(self.signature, self.message.as_bytes(), &key, algorithm) {
            Ok(true) => Ok(()),
            _ => Err(WebIdentityFault::Invalid),
        }
    }
}

/// Whether the key is one that verifies signatures and can be shown: RSA, or on an elliptic curve.
pub(super) fn is_usable(key: &Jwk) -> bool {
    use jsonwebtoken::jwk::PublicKeyUse;
    let public = matches!(
        key.algorithm,
        AlgorithmParameters::RSA(_) | AlgorithmParameters::EllipticCurve(_)
    );
    let signing = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    public && signing
}
