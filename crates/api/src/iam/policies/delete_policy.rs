//! DeletePolicy: a managed policy that nothing uses any more, with its last version.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeletePolicy {
    policy_arn: String,
}

impl Operation for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";
    const ACTION: Action = Action::new("iam:DeletePolicy");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Ok(call.identity().delete_policy(call.account(), &self.policy_arn).await?)
    }
}
