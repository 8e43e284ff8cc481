//! AssumeRoleWithWebIdentity: a session of a role for the holder of an issuer's token. Nothing else
//! proves who asks, so nothing is told of a role before the token is good and the role trusts it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wharf_identity::{Identity, Tag, Terms, WebIdentity, WebIdentityFault};
use wharf_policy::{Action, Caller, Decision, Fact, Facts, Origin, Principal, Requester};

use super::long_term::denied;
use super::narrowing::narrow;
use super::role::{Role, SET_SOURCE_IDENTITY, TAG_SESSION, Trusting};
use super::session_tags::SessionTags;
use super::shape::{AssumedRoleUser, Credentials, PolicyDescriptor};
use crate::Api;
use crate::query::{Error, Proven, Unsigned, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumeRoleWithWebIdentity {
    role_arn: String,
    role_session_name: String,
    web_identity_token: String,
    /// Names one of two providers that are built into AWS, and not into Wharf.
    provider_id: Option<String>,
    #[serde(default)]
    policy_arns: Vec<PolicyDescriptor>,
    policy: Option<String>,
    duration_seconds: Option<i64>,
    /// In characters; a shorter token is filled up.
    minimum_session_token_size: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumedRole {
    credentials: Credentials,
    subject_from_web_identity_token: String,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: Option<usize>,
    provider: String,
    audience: String,
    source_identity: Option<String>,
    session_token_size: usize,
}

const ACTION: Action = Action::new("sts:AssumeRoleWithWebIdentity");

impl Unsigned for AssumeRoleWithWebIdentity {
    const NAME: &'static str = "AssumeRoleWithWebIdentity";
    type Output = AssumedRole;

    async fn run(
        self,
        api: Api,
        origin: Arc<Origin>,
        proven: Proven,
    ) -> Result<AssumedRole, Error> {
        if let Some(id) = &self.provider_id {
            return Err(Error::Validation(format!(
                "The provider {id} is not known; leave ProviderId out for an OpenID Connect provider"
            )));
        }
        let (identity, now) = (&api.identity, origin.now);
        let role = Role::look(identity, &self.role_arn).await?;
        let token = &self.web_identity_token;
        let web = identity.web_identity(&role.account, token, now).await.map_err(refused)?;
        let tags = SessionTags::given(web.claims.tags.clone(), web.claims.transitive.clone())?;
        let provider = web.provider.entity.arn();
        let requester = Requester {
            principal: Arc::new(Principal::root(holder(&role, &web, &provider))),
            origin,
            trail: api.trail(),
        };
        let requester = proven.get_or_init(|| requester);
        self.decide(&role, requester, &web, &tags)?;
        match role.trusting() {
            Some(trusting) => self.begin(identity, &trusting, web, tags, now).await,
            None => Err(not_authorized()),
        }
    }
}

impl AssumeRoleWithWebIdentity {
    /// Whether the role trusts the holder: by its trust policy alone.
    fn decide(
        &self,
        role: &Role<'_>,
        requester: &Requester,
        web: &WebIdentity,
        tags: &SessionTags,
    ) -> Result<(), Error> {
        let facts = self.facts(web, tags);
        let tagging = (!tags.tags.is_empty()).then_some(TAG_SESSION);
        let naming = web.claims.source_identity.as_ref().map(|_| SET_SOURCE_IDENTITY);
        for action in std::iter::once(ACTION).chain(tagging).chain(naming) {
            if role.decide(requester, action, &facts) != Decision::Allow {
                return Err(not_authorized());
            }
        }
        Ok(())
    }

    /// Begins the session of a role that trusts the holder.
    async fn begin(
        self,
        identity: &Identity,
        trusting: &Trusting,
        web: WebIdentity,
        tags: SessionTags,
        now: i64,
    ) -> Result<AssumedRole, Error> {
        let seconds = trusting.seconds(self.duration_seconds, false)?;
        let provider = web.provider.entity.arn();
        let mut terms = Terms {
            tags: tags.tags,
            transitive: tags.transitive,
            source_identity: web.claims.source_identity,
            provider: Some(provider.clone()),
            ..trusting.terms(&self.role_session_name)
        };
        narrow(identity, &mut terms, self.policy, self.policy_arns).await?;
        let least = self.minimum_session_token_size.unwrap_or(0);
        let made = identity.begin_session(&terms, seconds, least, now)?;
        let session = trusting.session(&self.role_session_name, &made.access_key_id);
        Ok(AssumedRole {
            session_token_size: made.token.len(),
            credentials: made.into(),
            subject_from_web_identity_token: web.claims.subject,
            assumed_role_user: AssumedRoleUser::of(&session),
            packed_policy_size: terms.packed_size(),
            provider,
            audience: web.claims.audience,
            source_identity: terms.source_identity,
        })
    }

    /// What conditions can ask.
    fn facts(&self, web: &WebIdentity, tags: &SessionTags) -> Facts {
        let tag = |(key, value): &(String, String)| Tag { key: key.clone(), value: value.clone() };
        let requested: Vec<Tag> = tags.tags.iter().map(tag).collect();
        let mut all: Vec<(String, Fact)> =
            web.claims.facts().chain(facts::tags(&requested)).collect();
        let mut one = |key: &str, value: Option<String>| {
            all.extend(value.map(|value| (format!("sts:{key}"), Fact::One(value))));
        };
        one("RoleSessionName", Some(self.role_session_name.clone()));
        one("SourceIdentity", web.claims.source_identity.clone());
        one("DurationSeconds", self.duration_seconds.map(|seconds| seconds.to_string()));
        if !tags.transitive.is_empty() {
            all.push(("sts:TransitiveTagKeys".to_owned(), Fact::Many(tags.transitive.clone())));
        }
        all.into_iter().collect()
    }
}

/// Who holds the token, named as CloudTrail names it.
fn holder(role: &Role<'_>, web: &WebIdentity, provider: &str) -> Caller {
    let unique_id = format!("{provider}:{}:{}", web.claims.audience, web.claims.subject);
    Caller { unique_id, ..Caller::web_identity(role.account.clone(), provider) }
}

/// The same for a role that is not there as for one that does not trust.
fn not_authorized() -> Error {
    denied("Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned())
}

fn refused(fault: WebIdentityFault) -> Error {
    match (fault.code(), fault) {
        (_, WebIdentityFault::Fault(error)) => error.into(),
        (code, fault) => Error::Declared {
            code: code.unwrap_or("InvalidIdentityToken"),
            status: 400,
            message: fault.to_string(),
        },
    }
}
