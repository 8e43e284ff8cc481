//! GetSessionToken: temporary credentials of the user or root who asks. They are the user, with the
//! same rights in ECR; in IAM they are not taken, and in STS only by AssumeRole and
//! GetCallerIdentity.

use serde::{Deserialize, Serialize};
use wharf_identity::Terms;
use wharf_policy::Action;

use super::long_term::{self, LongTerm};
use super::shape::Credentials;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetSessionToken {
    duration_seconds: Option<i64>,
    serial_number: Option<String>,
    token_code: Option<String>,
    /// In characters; a shorter token is filled up.
    minimum_session_token_size: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SessionToken {
    credentials: Credentials,
    session_token_size: usize,
}

impl Operation for GetSessionToken {
    const NAME: &'static str = "GetSessionToken";
    const ACTION: Action = Action::new("sts:GetSessionToken");
    type Output = SessionToken;

    /// Nobody can be denied a session of their own.
    fn subject(&self) -> Subject<'_> {
        Subject::Undecided
    }

    async fn run(self, call: Call) -> Result<SessionToken, Error> {
        let holder = LongTerm::of(call.caller(), Self::NAME)?;
        if self.serial_number.is_some() || self.token_code.is_some() {
            return Err(long_term::denied(
                "MultiFactorAuthentication failed with invalid MFA one time pass code.".into(),
            ));
        }
        let subject = match &holder {
            LongTerm::Root => wharf_identity::Subject::Root,
            LongTerm::User(id) => wharf_identity::Subject::User { id: id.clone() },
        };
        let terms = Terms::of(call.account().clone(), subject);
        let seconds = holder.seconds(self.duration_seconds);
        let least = self.minimum_session_token_size.unwrap_or(0);
        let made = call.identity().begin_session(&terms, seconds, least, call.now())?;
        Ok(SessionToken { session_token_size: made.token.len(), credentials: made.into() })
    }
}
