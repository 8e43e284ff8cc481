//! DetachUserPolicy: a managed policy speaks for a user no longer.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DetachUserPolicy {
    user_name: String,
    policy_arn: String,
}

impl Operation for DetachUserPolicy {
    const NAME: &'static str = "DetachUserPolicy";
    const ACTION: Action = Action::new("iam:DetachUserPolicy");
    const SHOWS_BOUNDARY: bool = true;
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::policy_arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, name) = (call.account(), &self.user_name);
        Ok(call.identity().detach(account, Kind::User, name, &self.policy_arn).await?)
    }
}
