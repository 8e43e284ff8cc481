//! The role that is to be assumed: who may, by its trust policy, and for how long.

use std::sync::Arc;

use wharf_identity::{Authority, Identity, Subject, Terms};
use wharf_policy::{
    AccountId, Action, Caller, Context, Decision, Facts, Key, PARTITION, Requester, Resource,
    ResourcePolicies, Value,
};

use crate::query::Error;

/// How long a session lasts that nobody said it for, in seconds; and the longest by role chaining.
const HOUR: i64 = 3600;

/// What tags need beside the right to the role.
pub(super) const TAG_SESSION: Action = Action::new("sts:TagSession");
/// What a source identity needs beside the right to the role.
pub(super) const SET_SOURCE_IDENTITY: Action = Action::new("sts:SetSourceIdentity");

/// A role as it was asked for.
pub(super) struct Role<'a> {
    pub(super) arn: &'a str,
    pub(super) account: AccountId,
    /// None if there is no such role, which only who is allowed to assume it could learn.
    found: Option<Arc<Authority>>,
}

/// A role that trusts who asks.
pub(super) struct Trusting {
    role: Arc<Authority>,
    /// The longest session, in seconds.
    max_session: i64,
}

/// All that conditions of a trust policy can ask, but for the caller and the origin.
struct Circumstances<'a> {
    role: &'a Role<'a>,
    facts: &'a Facts,
}

impl Context for Circumstances<'_> {
    fn value(&self, key: &Key) -> Option<Value<'_>> {
        match key.name() {
            "aws:resourcetag" | "iam:resourcetag" => {
                let tags = &self.role.found.as_ref()?.tags;
                key.tag_in(tags.iter().map(|(tag, value)| (&**tag, &**value))).map(Value::one)
            }
            "aws:resourceaccount" => Some(Value::one(self.role.account.as_str())),
            _ => self.facts.value(key),
        }
    }
}

impl<'a> Role<'a> {
    /// The role of this ARN, whether there is one or not.
    ///
    /// # Errors
    /// What is no ARN of a role.
    pub(super) async fn look(identity: &Identity, arn: &'a str) -> Result<Role<'a>, Error> {
        let account = account(arn).ok_or_else(|| Error::Validation(format!("{arn} is invalid")))?;
        Ok(Role { arn, account, found: identity.role_of_arn(arn).await? })
    }

    /// Whether `action` is allowed on it, by its trust policy and by what the caller may.
    pub(super) fn decide(&self, requester: &Requester, action: Action, facts: &Facts) -> Decision {
        let trust = self.found.as_deref().and_then(|role| role.trust.as_ref());
        let resource = Resource::Named { account: &self.account, arn: self.arn };
        let context = Circumstances { role: self, facts };
        let policy = trust.map(|trust| &*trust.policy);
        requester.decide(action, resource, &context, ResourcePolicies::Trust(policy))
    }

    /// The role itself, once it is decided that it may be assumed: a role that is not there trusts
    /// nobody.
    pub(super) fn trusting(self) -> Option<Trusting> {
        let role = self.found?;
        let max_session = role.trust.as_ref()?.max_session;
        Some(Trusting { role, max_session })
    }
}

impl Trusting {
    /// How long the session shall last, in seconds. A session that begins another role's is a
    /// chain, whose sessions last an hour.
    pub(super) fn seconds(&self, asked: Option<i64>, chained: bool) -> Result<i64, Error> {
        let refused = |sentence: &str| Err(Error::Validation(sentence.to_owned()));
        match asked.unwrap_or(HOUR) {
            seconds if chained && seconds > HOUR => refused(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            ),
            seconds if seconds > self.max_session => refused(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ),
            seconds => Ok(seconds),
        }
    }

    /// The terms of a session of this name, without policies and tags.
    pub(super) fn terms(&self, name: &str) -> Terms {
        let subject = Subject::Role { id: self.role.id.clone(), session: name.to_owned() };
        Terms::of(self.role.account.clone(), subject)
    }

    /// The caller that the session will be.
    pub(super) fn session(&self, name: &str, access_key_id: &str) -> Caller {
        let Authority { account, arn, id, .. } = &*self.role;
        Caller::role_session(account.clone(), arn, id, name, access_key_id)
    }
}

/// The account in `arn:aws:iam::<account>:role/<path><name>`.
fn account(arn: &str) -> Option<AccountId> {
    let rest = arn.strip_prefix("arn:")?.strip_prefix(PARTITION)?.strip_prefix(":iam::")?;
    let (account, name) = rest.split_once(":role/")?;
    if name.is_empty() || name.ends_with('/') {
        return None;
    }
    account.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_roles() {
        for (arn, expected) in [
            ("arn:aws:iam::123456789012:role/ci", true),
            ("arn:aws:iam::123456789012:role/team/ci", true),
            ("arn:aws:iam::123456789012:role/", false),
            ("arn:aws:iam::123456789012:role/team/", false),
            ("arn:aws:iam::12345678901:role/ci", false),
            ("arn:aws:iam::123456789012:user/ci", false),
            ("arn:aws-cn:iam::123456789012:role/ci", false),
            ("arn:aws:iam:eu-west-1:123456789012:role/ci", false),
            ("no arn at all, but long enough", false),
        ] {
            assert_eq!(account(arn).is_some(), expected, "{arn}");
        }
    }
}
