//! What several operations take and answer.

use serde::{Deserialize, Serialize};
use wharf_identity::Temporary;
use wharf_policy::Caller;

/// Temporary credentials as they are handed out, this once.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    /// Seconds since 1970.
    expiration: i64,
}

/// The session of a role.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

/// A managed policy that is to be a session policy.
#[derive(Deserialize)]
pub struct PolicyDescriptor {
    #[serde(default)]
    pub(super) arn: Option<String>,
}

impl From<Temporary> for Credentials {
    fn from(made: Temporary) -> Credentials {
        Credentials {
            access_key_id: made.access_key_id,
            secret_access_key: made.secret,
            session_token: made.token,
            expiration: made.expires,
        }
    }
}

impl AssumedRoleUser {
    pub(super) fn of(session: &Caller) -> AssumedRoleUser {
        AssumedRoleUser {
            assumed_role_id: session.user_id().into_owned(),
            arn: session.arn.to_string(),
        }
    }
}
