//! PutRolePolicy: a policy that belongs to one role, in the place of one of the same name.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRolePolicy {
    role_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for PutRolePolicy {
    const NAME: &'static str = "PutRolePolicy";
    const ACTION: Action = Action::new("iam:PutRolePolicy");
    const SHOWS_BOUNDARY: bool = true;
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, holder) = (call.account(), &self.role_name);
        let (policy, document) = (&self.policy_name, &self.policy_document);
        Ok(call.identity().put_inline(account, Kind::Role, holder, policy, document).await?)
    }
}
