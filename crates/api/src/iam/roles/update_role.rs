//! UpdateRole: another description, or how long sessions may last. What is not given stays.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::iam::not_served;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateRole {
    role_name: String,
    description: Option<String>,
    max_session_duration: Option<i64>,
    max_signin_session_duration: Option<i64>,
}

impl Operation for UpdateRole {
    const NAME: &'static str = "UpdateRole";
    const ACTION: Action = Action::new("iam:UpdateRole");
    const SHOWS_BOUNDARY: bool = true;
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        not_served("MaxSigninSessionDuration", self.max_signin_session_duration.is_some())?;
        let (description, seconds) = (self.description.as_deref(), self.max_session_duration);
        let (account, role) = (call.account(), &self.role_name);
        Ok(call.identity().update_role(account, role, description, seconds).await?)
    }
}
