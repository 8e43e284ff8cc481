//! Who called, as CloudTrail's `userIdentity` tells it.

use serde::Serialize;
use wharf_policy::{Caller, Kind};

/// The element `userIdentity`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    principal_id: String,
    arn: &'a str,
    account_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<SessionContext<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_issuer: Option<Issuer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    web_id_federation_data: Option<WebIdentity<'a>>,
    attributes: Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issuer<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    principal_id: &'a str,
    arn: &'a str,
    account_id: &'a str,
    user_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebIdentity<'a> {
    federated_provider: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    creation_date: String,
    mfa_authenticated: &'static str,
}

impl<'a> UserIdentity<'a> {
    /// Of a caller.
    pub fn of(caller: &'a Caller) -> Self {
        let key = caller.access_key_id.as_str();
        Self {
            kind: match caller.kind {
                Kind::Root => "Root",
                Kind::User => "IAMUser",
                Kind::RoleSession => "AssumedRole",
                Kind::FederatedUser { .. } => "FederatedUser",
                Kind::WebIdentity => "WebIdentityUser",
            },
            principal_id: caller.user_id().into_owned(),
            arn: &caller.arn,
            account_id: caller.account.as_str(),
            access_key_id: (!key.is_empty()).then_some(key),
            user_name: (caller.kind == Kind::User).then(|| last(&caller.arn)),
            session_context: SessionContext::of(caller),
        }
    }
}

impl<'a> SessionContext<'a> {
    fn of(caller: &'a Caller) -> Option<Self> {
        let session = caller.session.as_deref()?;
        let issuer = |kind, principal_id, arn| Issuer {
            kind,
            principal_id,
            arn,
            account_id: caller.account.as_str(),
            user_name: last(arn),
        };
        let provider = session.federated_provider.as_deref();
        Some(Self {
            session_issuer: match &caller.kind {
                Kind::RoleSession => Some(issuer("Role", &caller.unique_id, &caller.principal_arn)),
                Kind::FederatedUser { user, user_id } => Some(issuer("IAMUser", user_id, user)),
                Kind::Root | Kind::User | Kind::WebIdentity => None,
            },
            web_id_federation_data: provider
                .map(|federated_provider| WebIdentity { federated_provider }),
            attributes: Attributes {
                creation_date: session.issued.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                mfa_authenticated: if session.second_factor { "true" } else { "false" },
            },
            source_identity: session.source_identity.as_deref(),
        })
    }
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
