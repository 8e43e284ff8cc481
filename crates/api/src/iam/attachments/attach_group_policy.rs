//! AttachGroupPolicy: a managed policy speaks for a group. One that does already goes on.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachGroupPolicy {
    group_name: String,
    policy_arn: String,
}

impl Operation for AttachGroupPolicy {
    const NAME: &'static str = "AttachGroupPolicy";
    const ACTION: Action = Action::new("iam:AttachGroupPolicy");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::policy_arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, name) = (call.account(), &self.group_name);
        Ok(call.identity().attach(account, Kind::Group, name, &self.policy_arn).await?)
    }
}
