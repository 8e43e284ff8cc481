//! Who is calling: accounts, users, groups, roles and their policies, access keys, registry tokens,
//! and the key that seals their secrets.
//!
//! Tokens and signatures are read without the database; whether the principal behind them is still
//! there, and what it may do, is looked up at each call. Deliberately absent: the decision itself,
//! which is `wharf-policy`'s.

mod access_key;
mod account;
mod attachment;
mod authority;
mod conflict;
mod entity;
mod error;
mod inline_policy;
mod installation_key;
mod last_use;
pub mod limit;
mod link;
mod login_profile;
mod managed_policy;
mod oidc_provider;
pub mod outbound;
mod password;
mod policy_version;
mod random;
mod role;
mod root;
mod sealed;
mod session;
mod tag;
mod token;
mod trust;
mod user;
mod user_key;
mod web_identity;

pub use access_key::AccessKey;
pub use account::Account;
pub use attachment::Holder;
pub use authority::{Authority, Source, Sources, Trust};
pub use entity::{Entity, Kind, New, arn, fold};
pub use error::Error;
pub use installation_key::InstallationKey;
pub use link::Link;
pub use login_profile::{LoginProfile, SignedIn};
pub use managed_policy::{Managed, Used};
pub use oidc_provider::{NewProvider, Provider};
pub use policy_version::Version;
pub use random::account_of_key;
pub use role::{DEFAULT_SESSION, Role};
pub use root::{GivenKey, RootKey};
pub use sealed::holds_secrets;
pub use session::{SessionFault, Subject, Temporary, Terms};
pub use tag::{Tag, fold as fold_tag_key};
pub use token::{Claims, TOKEN_LIFETIME, Token, TokenFault};
pub use user_key::{KeyShape, LastUse, Owner};
pub use web_identity::{WebClaims, WebIdentity, WebIdentityFault};

use std::sync::Arc;

use moka::sync::Cache;
use wharf_db::{Cached, Db, Epochs, Tx};
use wharf_policy::Policy;

/// The room of principals: cheap to clone, shared by the process.
#[derive(Clone)]
pub struct Identity {
    db: Db,
    quotas: limit::Quotas,
    key: InstallationKey,
    epochs: Epochs,
    access_keys: Cache<String, Cached<Arc<AccessKey>>>,
    authorities: Cache<String, Cached<Arc<Authority>>>,
    /// By everything that they are made of.
    compiled: Cache<String, Arc<Policy>>,
    uses: Arc<last_use::Uses>,
    tokens: Cache<String, Arc<Claims>>,
    /// By the print of token and access key: when it ends, in seconds, and the key.
    sessions: Cache<[u8; 32], Cached<(i64, Arc<AccessKey>)>>,
    issuers: web_identity::Issuers,
    outbound: outbound::Outbound,
}

/// How many keys and tokens are remembered; more only cost a look-up or a hash.
const REMEMBERED: u64 = 10_000;
/// How many bytes of tokens are remembered.
const REMEMBERED_TOKENS: u64 = 16 * 1024 * 1024;
/// How many bytes of policies are remembered compiled, counted by their text.
const REMEMBERED_POLICIES: u64 = 32 * 1024 * 1024;

impl Identity {
    /// The principals in `db`, whose secrets are sealed with `key`.
    #[must_use]
    pub fn new(db: Db, key: InstallationKey) -> Identity {
        let weight = |text: &String, _: &Arc<Policy>| u32::try_from(text.len()).unwrap_or(u32::MAX);
        Identity {
            epochs: Epochs::new(&db),
            quotas: limit::Quotas::default(),
            db,
            key,
            access_keys: Cache::new(REMEMBERED),
            authorities: Cache::new(REMEMBERED),
            compiled: Cache::builder().weigher(weight).max_capacity(REMEMBERED_POLICIES).build(),
            uses: Arc::default(),
            tokens: Cache::builder()
                .weigher(|basic: &String, _| u32::try_from(2 * basic.len()).unwrap_or(u32::MAX))
                .max_capacity(REMEMBERED_TOKENS)
                .build(),
            sessions: Cache::new(REMEMBERED),
            issuers: web_identity::Issuers::default(),
            outbound: outbound::Outbound::default(),
        }
    }

    /// The same with this way to issuers of tokens; without it only those of the public internet are
    /// reached.
    #[must_use]
    pub fn reaching(self, outbound: outbound::Outbound) -> Identity {
        Identity { outbound, ..self }
    }

    /// The way to what somebody else names.
    #[must_use]
    pub fn outbound(&self) -> &outbound::Outbound {
        &self.outbound
    }

    /// The same with other quotas.
    #[must_use]
    pub fn with_quotas(self, quotas: limit::Quotas) -> Identity {
        Identity { quotas, ..self }
    }

    /// The most that an account may have of each kind.
    #[must_use]
    pub fn quotas(&self) -> &limit::Quotas {
        &self.quotas
    }

    /// Once this transaction is committed, and before anybody is told so, nobody counts on what was
    /// read of principals before. One change may concern many: the members of a group, or all who
    /// have a policy.
    pub(crate) fn changes(&self, tx: &mut Tx) {
        let epochs = self.epochs.clone();
        tx.after_commit(move || epochs.advance_all());
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
