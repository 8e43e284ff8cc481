//! GetFederationToken: a session for somebody who is no user here, with those of the caller's
//! rights that its session policies leave; without any policy, none.

use serde::{Deserialize, Serialize};
use wharf_identity::{Tag, Terms};
use wharf_policy::{Action, Caller, Decision, Facts, Resource, ResourcePolicies};

use super::long_term::LongTerm;
use super::narrowing::narrow;
use super::role::TAG_SESSION;
use super::session_tags::SessionTags;
use super::shape::{Credentials, PolicyDescriptor};
use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetFederationToken {
    name: String,
    policy: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    duration_seconds: Option<i64>,
    #[serde(default)]
    tags: Vec<Tag>,
    /// In characters; a shorter token is filled up.
    minimum_session_token_size: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FederationToken {
    credentials: Credentials,
    federated_user: FederatedUser,
    packed_policy_size: Option<usize>,
    session_token_size: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FederatedUser {
    federated_user_id: String,
    arn: String,
}

impl Operation for GetFederationToken {
    const NAME: &'static str = "GetFederationToken";
    const ACTION: Action = Action::new("sts:GetFederationToken");
    type Output = FederationToken;

    /// The federated user, whose ARN only the call knows.
    fn subject(&self) -> Subject<'_> {
        Subject::Undecided
    }

    async fn run(self, call: Call) -> Result<FederationToken, Error> {
        let holder = LongTerm::of(call.caller(), Self::NAME)?;
        let tags = SessionTags::of(call.caller(), &self.tags, &[])?;
        let caller = call.caller();
        let own = Caller::federated_user(caller.account.clone(), &self.name, &caller.arn, "", "");
        let facts = facts::tags(&self.tags).into_iter().collect();
        let tagging = (!self.tags.is_empty()).then_some(TAG_SESSION);
        for action in std::iter::once(Self::ACTION).chain(tagging) {
            decide(&call, action, &own.arn, &facts)?;
        }
        let seconds = holder.seconds(self.duration_seconds);
        let user = match holder {
            LongTerm::Root => None,
            LongTerm::User(id) => Some(id),
        };
        let subject = wharf_identity::Subject::Federated { name: self.name, user };
        let mut terms = Terms { tags: tags.tags, ..Terms::of(caller.account.clone(), subject) };
        narrow(call.identity(), &mut terms, self.policy, self.policy_arns).await?;
        let least = self.minimum_session_token_size.unwrap_or(0);
        let made = call.identity().begin_session(&terms, seconds, least, call.now())?;
        Ok(FederationToken {
            session_token_size: made.token.len(),
            credentials: made.into(),
            federated_user: FederatedUser {
                federated_user_id: own.user_id().into_owned(),
                arn: own.arn.to_string(),
            },
            packed_policy_size: terms.packed_size(),
        })
    }
}

fn decide(call: &Call, action: Action, arn: &str, facts: &Facts) -> Result<(), Error> {
    let resource = Resource::Named { account: call.account(), arn };
    match call.requester.decide(action, resource, facts, ResourcePolicies::None) {
        Decision::Allow => Ok(()),
        Decision::Deny(denial) => Err(Error::AccessDenied(Box::new(denial))),
    }
}
