//! CreateLoginProfile: a password for a user, or for whoever calls, to sign in to the console.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::shape::ProfileShape;
use crate::iam::not_served;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateLoginProfile {
    user_name: Option<String>,
    password: Option<String>,
    password_reset_required: Option<bool>,
    max_signin_session_duration: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    login_profile: ProfileShape,
}

impl Operation for CreateLoginProfile {
    const NAME: &'static str = "CreateLoginProfile";
    const ACTION: Action = Action::new("iam:CreateLoginProfile");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        not_served("MaxSigninSessionDuration", self.max_signin_session_duration.is_some())?;
        let password = self.password.ok_or_else(|| {
            let told = "1 validation error detected: Value at 'password' failed to satisfy \
                        constraint: Member must not be null";
            Error::Validation(told.to_owned())
        })?;
        let user = &call.entity()?.name;
        let reset = self.password_reset_required.unwrap_or(false);
        let profile = call
            .identity()
            .create_login_profile(call.account(), user, &password, reset, call.now())
            .await?;
        Ok(Output { login_profile: ProfileShape::of(user, &profile) })
    }
}
