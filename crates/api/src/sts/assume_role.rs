//! AssumeRole: a session of a role, for a user or another role's session that the role trusts. Who
//! is not trusted is not told whether there is such a role.

use serde::{Deserialize, Serialize};
use wharf_identity::{Tag, Terms};
use wharf_policy::{Action, Caller, Decision, Fact, Facts, Kind};

use super::long_term::{self, denied};
use super::narrowing::narrow;
use super::role::{Role, SET_SOURCE_IDENTITY, TAG_SESSION};
use super::session_tags::SessionTags;
use super::shape::{AssumedRoleUser, Credentials, PolicyDescriptor};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumeRole {
    role_arn: String,
    role_session_name: String,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    policy: Option<String>,
    duration_seconds: Option<i64>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    external_id: Option<String>,
    serial_number: Option<String>,
    token_code: Option<String>,
    source_identity: Option<String>,
    provided_contexts: Option<Vec<ProvidedContext>>,
    /// In characters; a shorter token is filled up.
    minimum_session_token_size: Option<usize>,
}

/// What trusted services assert. None does so here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "it is read to be refused")]
struct ProvidedContext {
    provider_arn: Option<String>,
    context_assertion: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumedRole {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: Option<usize>,
    source_identity: Option<String>,
    session_token_size: usize,
}

impl Operation for AssumeRole {
    const NAME: &'static str = "AssumeRole";
    const ACTION: Action = Action::new("sts:AssumeRole");
    type Output = AssumedRole;

    /// The trust policy has a say too.
    fn subject(&self) -> Subject<'_> {
        Subject::Undecided
    }

    async fn run(mut self, call: Call) -> Result<AssumedRole, Error> {
        self.check(call.caller())?;
        let source_identity = self.source_identity(call.caller())?;
        let tags = SessionTags::of(call.caller(), &self.tags, &self.transitive_tag_keys)?;
        let role = Role::look(call.identity(), &self.role_arn).await?;
        let facts = self.facts(source_identity.as_deref());
        for action in needed(&tags, source_identity.as_deref()) {
            if let Decision::Deny(denial) = role.decide(&call.requester, action, &facts) {
                return Err(denied(denial.without_reason()));
            }
        }
        let Some(trusting) = role.trusting() else {
            // What is not there trusts nobody, so this was refused above; it stays a refusal.
            return Err(not_authorized(call.caller(), &self.role_arn));
        };
        let seconds = trusting.seconds(self.duration_seconds, call.caller().session.is_some())?;
        let mut terms = Terms {
            tags: tags.tags,
            transitive: tags.transitive,
            source_identity: source_identity.clone(),
            ..trusting.terms(&self.role_session_name)
        };
        let policy_arns = std::mem::take(&mut self.policy_arns);
        narrow(call.identity(), &mut terms, self.policy.take(), policy_arns).await?;
        let least = self.minimum_session_token_size.unwrap_or(0);
        let made = call.identity().begin_session(&terms, seconds, least, call.now())?;
        let session = trusting.session(&self.role_session_name, &made.access_key_id);
        Ok(AssumedRole {
            session_token_size: made.token.len(),
            credentials: made.into(),
            assumed_role_user: AssumedRoleUser::of(&session),
            packed_policy_size: terms.packed_size(),
            source_identity,
        })
    }
}

impl AssumeRole {
    /// What no role can change.
    fn check(&self, caller: &Caller) -> Result<(), Error> {
        match caller.kind {
            Kind::User | Kind::RoleSession => {}
            Kind::Root => return Err(denied("Roles may not be assumed by root accounts.".into())),
            Kind::FederatedUser { .. } | Kind::WebIdentity => {
                return Err(long_term::of_session(Self::NAME));
            }
        }
        if self.serial_number.is_some() || self.token_code.is_some() {
            return Err(denied(
                "MultiFactorAuthentication failed with invalid MFA one time pass code.".into(),
            ));
        }
        match &self.provided_contexts {
            Some(contexts) if !contexts.is_empty() => Err(Error::Declared {
                code: "InvalidContextAssertion",
                status: 400,
                message: "Wharf knows no provider of contexts; leave ProvidedContexts out".into(),
            }),
            _ => Ok(()),
        }
    }

    /// The source identity of the new session: once set it stays along the chain.
    fn source_identity(&self, caller: &Caller) -> Result<Option<String>, Error> {
        let inherited = caller.session.as_deref().and_then(|own| own.source_identity.clone());
        match (inherited, &self.source_identity) {
            (Some(own), Some(asked)) if own != *asked => Err(Error::Validation(format!(
                "The calling session has the source identity {own}, which cannot be changed"
            ))),
            (Some(own), _) => Ok(Some(own)),
            (None, asked) => Ok(asked.clone()),
        }
    }

    /// What conditions can ask.
    fn facts(&self, source_identity: Option<&str>) -> Facts {
        let mut facts = crate::query::facts::tags(&self.tags);
        let mut one = |key: &str, value: Option<String>| {
            facts.extend(value.map(|value| (format!("sts:{key}"), Fact::One(value))));
        };
        one("ExternalId", self.external_id.clone());
        one("RoleSessionName", Some(self.role_session_name.clone()));
        one("SourceIdentity", source_identity.map(str::to_owned));
        one("DurationSeconds", self.duration_seconds.map(|seconds| seconds.to_string()));
        if !self.transitive_tag_keys.is_empty() {
            let keys = Fact::Many(self.transitive_tag_keys.clone());
            facts.push(("sts:TransitiveTagKeys".to_owned(), keys));
        }
        facts.into_iter().collect()
    }
}

/// Tags and a source identity need rights of their own, those that are handed on too.
fn needed(tags: &SessionTags, source_identity: Option<&str>) -> impl Iterator<Item = Action> {
    let tag = (!tags.tags.is_empty()).then_some(TAG_SESSION);
    let identity = source_identity.map(|_| SET_SOURCE_IDENTITY);
    std::iter::once(AssumeRole::ACTION).chain(tag).chain(identity)
}

fn not_authorized(caller: &Caller, role: &str) -> Error {
    let (who, action) = (&caller.arn, AssumeRole::ACTION);
    denied(format!("User: {who} is not authorized to perform: {action} on resource: {role}"))
}
