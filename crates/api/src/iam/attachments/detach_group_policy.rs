//! DetachGroupPolicy: a managed policy speaks for a group no longer.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DetachGroupPolicy {
    group_name: String,
    policy_arn: String,
}

impl Operation for DetachGroupPolicy {
    const NAME: &'static str = "DetachGroupPolicy";
    const ACTION: Action = Action::new("iam:DetachGroupPolicy");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::policy_arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, name) = (call.account(), &self.group_name);
        Ok(call.identity().detach(account, Kind::Group, name, &self.policy_arn).await?)
    }
}
