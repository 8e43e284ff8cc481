//! UpdateAssumeRolePolicy: another trust policy for a role. Sessions that are open go on.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateAssumeRolePolicy {
    role_name: String,
    policy_document: String,
}

impl Operation for UpdateAssumeRolePolicy {
    const NAME: &'static str = "UpdateAssumeRolePolicy";
    const ACTION: Action = Action::new("iam:UpdateAssumeRolePolicy");
    const SHOWS_BOUNDARY: bool = true;
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, document) = (call.account(), &self.policy_document);
        Ok(call.identity().set_trust(account, &self.role_name, document).await?)
    }
}
