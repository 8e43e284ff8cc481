//! UpdateLoginProfile: another password for a user, or that it must choose one itself.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::iam::not_served;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateLoginProfile {
    user_name: String,
    password: Option<String>,
    password_reset_required: Option<bool>,
    max_signin_session_duration: Option<i64>,
    reset_max_signin_session_duration: Option<bool>,
}

impl Operation for UpdateLoginProfile {
    const NAME: &'static str = "UpdateLoginProfile";
    const ACTION: Action = Action::new("iam:UpdateLoginProfile");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        not_served("MaxSigninSessionDuration", self.max_signin_session_duration.is_some())?;
        let given = self.reset_max_signin_session_duration == Some(true);
        not_served("ResetMaxSigninSessionDuration", given)?;
        let (password, reset) = (self.password.as_deref(), self.password_reset_required);
        let (account, user) = (call.account(), &self.user_name);
        Ok(call.identity().update_login_profile(account, user, password, reset).await?)
    }
}
