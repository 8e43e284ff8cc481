//! DetachRolePolicy: a managed policy speaks for a role no longer.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DetachRolePolicy {
    role_name: String,
    policy_arn: String,
}

impl Operation for DetachRolePolicy {
    const NAME: &'static str = "DetachRolePolicy";
    const ACTION: Action = Action::new("iam:DetachRolePolicy");
    const SHOWS_BOUNDARY: bool = true;
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::policy_arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, name) = (call.account(), &self.role_name);
        Ok(call.identity().detach(account, Kind::Role, name, &self.policy_arn).await?)
    }
}
