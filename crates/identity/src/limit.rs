//! How much there may be of what: the numbers that GetAccountSummary reports, each once.
//!
//! Those of a user, group, role or policy are AWS's, since clients know them. Those of an account
//! are [`Quotas`], far above AWS's. Source: "IAM and AWS STS quotas", User Guide.

use crate::entity::Kind;

/// Access keys of a user, and of the root.
pub const ACCESS_KEYS: i64 = 2;
/// Managed policies of a user, group or role.
pub const ATTACHED_POLICIES: i64 = 10;
/// Groups of a user.
pub const GROUPS_OF_USER: i64 = 10;
/// Tags of a user, role, policy or provider.
pub const TAGS: i64 = 50;
/// Versions of a managed policy.
pub const POLICY_VERSIONS: i64 = 5;
/// Characters of a managed policy, white space not counted.
pub const POLICY_CHARACTERS: usize = 6144;
/// Characters of a trust policy, white space not counted.
pub const TRUST_CHARACTERS: usize = 2048;
/// Audiences of an OpenID Connect provider.
pub const CLIENT_IDS: usize = 100;
/// Thumbprints of an OpenID Connect provider.
pub const THUMBPRINTS: usize = 5;
/// How long the sessions of a role may last, in seconds: the least, and the most.
pub const SESSION_SECONDS: std::ops::RangeInclusive<i64> = 3600..=43_200;

/// Characters of all inline policies of one holder together, white space not counted.
#[must_use]
pub fn inline_characters(kind: Kind) -> usize {
    match kind {
        Kind::User => 2048,
        Kind::Group => 5120,
        Kind::Role | Kind::Policy | Kind::Provider => 10_240,
    }
}

/// The most entities of each kind that an account may have: the operator's to set.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    pub users: i64,
    pub groups: i64,
    pub roles: i64,
    /// Managed policies of the account's own.
    pub policies: i64,
    /// OpenID Connect providers.
    pub providers: i64,
}

impl Default for Quotas {
    fn default() -> Quotas {
        let many = 100_000;
        Quotas { users: many, groups: many, roles: many, policies: many, providers: 100 }
    }
}

impl Quotas {
    /// The most of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> i64 {
        match kind {
            Kind::User => self.users,
            Kind::Group => self.groups,
            Kind::Role => self.roles,
            Kind::Policy => self.policies,
            Kind::Provider => self.providers,
        }
    }
}
