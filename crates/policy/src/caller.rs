//! What authentication hands to the decision.

use std::sync::Arc;

use crate::{AccountId, PARTITION};

/// Who is calling, proven by a signature or a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    pub kind: Kind,
    pub account: AccountId,
    /// The ARN that error sentences and logs show.
    pub arn: Arc<str>,
    /// The id that is never used twice; for a root the account's id.
    pub unique_id: String,
    /// The access key that proved it.
    pub access_key_id: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The account itself: everything in its own account.
    Root,
}

impl Caller {
    /// The root of an account.
    #[must_use]
    pub fn root(account: AccountId, access_key_id: String) -> Caller {
        Caller {
            kind: Kind::Root,
            arn: format!("arn:{PARTITION}:iam::{account}:root").into(),
            unique_id: account.to_string(),
            account,
            access_key_id,
        }
    }
}
