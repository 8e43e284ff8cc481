//! DeleteRolePolicy: removes a policy that belongs to one role.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteRolePolicy {
    role_name: String,
    policy_name: String,
}

impl Operation for DeleteRolePolicy {
    const NAME: &'static str = "DeleteRolePolicy";
    const ACTION: Action = Action::new("iam:DeleteRolePolicy");
    const SHOWS_BOUNDARY: bool = true;
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, holder) = (call.account(), &self.role_name);
        Ok(call.identity().delete_inline(account, Kind::Role, holder, &self.policy_name).await?)
    }
}
