//! Who is calling: accounts, access keys, registry tokens, and the key that seals their secrets.
//!
//! Tokens and signatures are read without the database; whether the principal behind them is still
//! there, and what it may do, is looked up at each call. Deliberately absent: the decision itself,
//! which is `wharf-policy`'s.

mod access_key;
mod error;
mod installation_key;
mod link;
mod root;
mod sealed;
mod token;

pub use access_key::AccessKey;
pub use error::Error;
pub use installation_key::InstallationKey;
pub use link::Link;
pub use root::{GivenKey, RootKey};
pub use sealed::holds_secrets;
pub use token::{Claims, TOKEN_LIFETIME, Token, TokenFault};

use std::sync::Arc;

use moka::sync::Cache;
use wharf_db::{Cached, Db, Epochs};

/// The room of principals: cheap to clone, shared by the process.
#[derive(Clone)]
pub struct Identity {
    db: Db,
    key: InstallationKey,
    epochs: Epochs,
    access_keys: Cache<String, Cached<Arc<AccessKey>>>,
    tokens: Cache<String, Arc<Claims>>,
}

/// How many keys and tokens are remembered; more only cost a look-up or a hash.
const REMEMBERED: u64 = 10_000;

impl Identity {
    /// The principals in `db`, whose secrets are sealed with `key`.
    #[must_use]
    pub fn new(db: Db, key: InstallationKey) -> Identity {
        let epochs = Epochs::new(&db);
        let (access_keys, tokens) = (Cache::new(REMEMBERED), Cache::new(REMEMBERED));
        Identity { db, key, epochs, access_keys, tokens }
    }

    /// A short code that only this installation can make for `message`; `purpose` keeps the codes
    /// of different uses apart.
    #[must_use]
    pub fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        self.key.sign(purpose, message)
    }

    /// Whether `code` was made by [`Identity::sign`]; compared in constant time.
    #[must_use]
    pub fn is_signed(&self, purpose: &str, message: &[u8], code: &[u8]) -> bool {
        self.key.is_signed(purpose, message, code)
    }

    /// Compares two codes, such as shortened ones, in constant time.
    #[must_use]
    pub fn is_same(&self, expected: &[u8], presented: &[u8]) -> bool {
        subtle::ConstantTimeEq::ct_eq(expected, presented).into()
    }
}
