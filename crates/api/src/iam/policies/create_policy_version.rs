//! CreatePolicyVersion: another document for a managed policy, which may count from now on.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use crate::iam::shape::VersionShape;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatePolicyVersion {
    policy_arn: String,
    policy_document: String,
    set_as_default: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy_version: VersionShape,
}

impl Operation for CreatePolicyVersion {
    const NAME: &'static str = "CreatePolicyVersion";
    const ACTION: Action = Action::new("iam:CreatePolicyVersion");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let (account, arn, document) = (call.account(), &self.policy_arn, &self.policy_document);
        let default = self.set_as_default.unwrap_or(false);
        let version =
            call.identity().create_version(account, arn, document, default, call.now()).await?;
        Ok(Output { policy_version: VersionShape::listed(&version) })
    }
}
