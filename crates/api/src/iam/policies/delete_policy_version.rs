//! DeletePolicyVersion: a version that does not count. Its number is not used again.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeletePolicyVersion {
    policy_arn: String,
    version_id: String,
}

impl Operation for DeletePolicyVersion {
    const NAME: &'static str = "DeletePolicyVersion";
    const ACTION: Action = Action::new("iam:DeletePolicyVersion");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, arn) = (call.account(), &self.policy_arn);
        Ok(call.identity().delete_version(account, arn, &self.version_id).await?)
    }
}
