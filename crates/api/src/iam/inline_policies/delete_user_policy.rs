//! DeleteUserPolicy: removes a policy that belongs to one user.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteUserPolicy {
    user_name: String,
    policy_name: String,
}

impl Operation for DeleteUserPolicy {
    const NAME: &'static str = "DeleteUserPolicy";
    const ACTION: Action = Action::new("iam:DeleteUserPolicy");
    const SHOWS_BOUNDARY: bool = true;
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, holder) = (call.account(), &self.user_name);
        Ok(call.identity().delete_inline(account, Kind::User, holder, &self.policy_name).await?)
    }
}
