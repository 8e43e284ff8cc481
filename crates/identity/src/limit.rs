//! How much there may be of what: the numbers that GetAccountSummary reports, each once.
//!
//! Those of a user, group, role or policy are AWS's, since clients know them. Those of an account
//! are far above AWS's. Source: "IAM and AWS STS quotas", User Guide.

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

/// Entities of this kind in an account.
#[must_use]
pub fn entities(kind: Kind) -> i64 {
    match kind {
        Kind::Provider => 100,
        Kind::User | Kind::Group | Kind::Role | Kind::Policy => 100_000,
    }
}
