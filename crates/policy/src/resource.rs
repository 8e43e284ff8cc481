//! What a request is about, and its ARN.

use std::fmt;

use crate::{AccountId, PARTITION, Region};

/// The resource that an action is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// The registry as a whole, or an account's IAM as a whole: prints as `*`.
    Registry { account: &'a AccountId },
    /// Every repository of a registry: `arn:aws:ecr:<region>:<account>:repository/*`.
    AnyRepository { account: &'a AccountId, region: &'a Region },
    /// A repository, whether it exists or not.
    Repository { account: &'a AccountId, region: &'a Region, name: &'a str },
    /// What IAM has: a user, a role, a policy, whether it exists or not; and `*` in a simulation.
    Named { account: &'a AccountId, arn: &'a str },
}

impl Resource<'_> {
    /// The account whose resource it is.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        match self {
            Resource::Registry { account }
            | Resource::AnyRepository { account, .. }
            | Resource::Repository { account, .. }
            | Resource::Named { account, .. } => account,
        }
    }
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Registry { .. } => out.write_str("*"),
            Resource::AnyRepository { account, region } => {
                write!(out, "arn:{PARTITION}:ecr:{region}:{account}:repository/*")
            }
            Resource::Repository { account, region, name } => {
                write!(out, "arn:{PARTITION}:ecr:{region}:{account}:repository/{name}")
            }
            Resource::Named { arn, .. } => out.write_str(arn),
        }
    }
}
