//! SetDefaultPolicyVersion: the version that counts from now on, for all who have the policy.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetDefaultPolicyVersion {
    policy_arn: String,
    version_id: String,
}

impl Operation for SetDefaultPolicyVersion {
    const NAME: &'static str = "SetDefaultPolicyVersion";
    const ACTION: Action = Action::new("iam:SetDefaultPolicyVersion");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, arn, version) = (call.account(), &self.policy_arn, &self.version_id);
        Ok(call.identity().set_default_version(account, arn, version, call.now()).await?)
    }
}
