//! AttachRolePolicy: a managed policy speaks for a role. One that does already goes on.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachRolePolicy {
    role_name: String,
    policy_arn: String,
}

impl Operation for AttachRolePolicy {
    const NAME: &'static str = "AttachRolePolicy";
    const ACTION: Action = Action::new("iam:AttachRolePolicy");
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
        Ok(call.identity().attach(account, Kind::Role, name, &self.policy_arn).await?)
    }
}
