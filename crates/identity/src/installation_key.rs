//! The one secret of an installation: it seals what the database stores and proves tokens genuine.
//! It lives outside the database; whoever has only a copy of the database has no secret.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{aead, hkdf, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

/// 32 random bytes and what is derived from them.
#[derive(Clone)]
pub struct InstallationKey(Arc<Keys>);

struct Keys {
    root: hkdf::Prk,
    seal: aead::LessSafeKey,
}

const NONCE_LENGTH: usize = 12;

impl InstallationKey {
    /// A new key from the system's random numbers, in the text form that [`InstallationKey::read`]
    /// takes.
    pub fn generate() -> Result<String, Error> {
        let mut bytes = [0u8; 32];
        rand::fill(&mut bytes).map_err(|_| Error::Random)?;
        Ok(STANDARD.encode(bytes))
    }

    /// Reads the text form: 32 bytes in Base64, white space around them ignored.
    pub fn read(text: &str) -> Result<InstallationKey, Error> {
        let bytes =
            STANDARD.decode(text.trim()).ok().filter(|bytes| bytes.len() == 32).ok_or_else(
                || {
                    Error::InvalidInstallationKey(
                    "the installation key must be 32 bytes in Base64, as `openssl rand -base64 32` \
                     prints them"
                        .to_owned(),
                )
                },
            )?;
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"wharf installation key 1").extract(&bytes);
        let seal = cipher(&root, "seal")?;
        Ok(InstallationKey(Arc::new(Keys { root, seal })))
    }

    /// Tells this key from every other without telling the key.
    #[must_use]
    pub fn print(&self) -> String {
        let code = self.sign("which installation", b"");
        code[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Encrypts `secret`; `context` (such as the key id it belongs to) must be given again to open
    /// it, so that sealed values cannot change places.
    pub(crate) fn seal(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>, Error> {
        seal(&self.0.seal, context, secret)
    }

    /// The inverse of [`InstallationKey::seal`].
    pub(crate) fn open(&self, context: &str, stored: &[u8]) -> Result<Vec<u8>, Error> {
        open(&self.0.seal, context, stored).ok_or(Error::WrongInstallationKey)
    }

    /// Encrypts with a key that is derived for `purpose` and used for nothing else: for what is
    /// sealed too often for random nonces under one key.
    pub(crate) fn seal_apart(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, Error> {
        seal(&cipher(&self.0.root, purpose)?, "", secret)
    }

    /// The inverse of [`InstallationKey::seal_apart`]; None if it was not sealed here, and for this.
    pub(crate) fn open_apart(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        open(&cipher(&self.0.root, purpose).ok()?, "", sealed)
    }

    pub(crate) fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &expand(&self.0.root, purpose));
        let mut code = [0u8; 32];
        code.copy_from_slice(hmac::sign(&key, message).as_ref());
        code
    }

    pub(crate) fn is_signed(&self, purpose: &str, message: &[u8], code: &[u8]) -> bool {
        use subtle::ConstantTimeEq as _;
        self.sign(purpose, message).ct_eq(code).into()
    }
}

/// A nonce, and what was encrypted under it.
fn seal(key: &aead::LessSafeKey, context: &str, secret: &[u8]) -> Result<Vec<u8>, Error> {
    let mut nonce = [0u8; NONCE_LENGTH];
    rand::fill(&mut nonce).map_err(|_| Error::Random)?;
    let mut sealed = secret.to_vec();
    let unique = aead::Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(unique, aead::Aad::from(context.as_bytes()), &mut sealed)
        .map_err(|_| Error::Random)?;
    let mut stored = nonce.to_vec();
    stored.append(&mut sealed);
    Ok(stored)
}

fn open(key: &aead::LessSafeKey, context: &str, stored: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = stored.split_first_chunk::<NONCE_LENGTH>()?;
    let mut secret = sealed.to_vec();
    let nonce = aead::Nonce::assume_unique_for_key(*nonce);
    let context = aead::Aad::from(context.as_bytes());
    let length = key.open_in_place(nonce, context, &mut secret).ok()?.len();
    secret.truncate(length);
    Some(secret)
}

fn cipher(root: &hkdf::Prk, purpose: &str) -> Result<aead::LessSafeKey, Error> {
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, &expand(root, purpose));
    key.map(aead::LessSafeKey::new)
        .map_err(|_| Error::InvalidInstallationKey("the installation key is unusable".to_owned()))
}

fn expand(root: &hkdf::Prk, purpose: &str) -> [u8; 32] {
    let mut key = [0u8; 32];
    root.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|output| output.fill(&mut key))
        .expect("32 bytes are within what HKDF-SHA256 gives");
    key
}

impl fmt::Debug for InstallationKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("InstallationKey(***)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sealed_secrets_open_only_whole_in_place_and_with_the_same_key() {
        let key = InstallationKey::read(&InstallationKey::generate().unwrap()).unwrap();
        let other = InstallationKey::read(&InstallationKey::generate().unwrap()).unwrap();
        let sealed = key.seal("AKIA1", b"secret").unwrap();
        assert_eq!(key.open("AKIA1", &sealed).unwrap(), b"secret");
        assert!(key.open("AKIA2", &sealed).is_err());
        assert!(other.open("AKIA1", &sealed).is_err());
        for index in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[index] ^= 1;
            assert!(key.open("AKIA1", &flipped).is_err());
            assert!(key.open("AKIA1", &sealed[..index]).is_err());
        }
    }
}
