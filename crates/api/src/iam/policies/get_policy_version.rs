//! GetPolicyVersion: a version of a managed policy with its document, byte for byte.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_policy::Managed;

use crate::iam::shape::VersionShape;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetPolicyVersion {
    policy_arn: String,
    version_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy_version: VersionShape,
}

impl Operation for GetPolicyVersion {
    const NAME: &'static str = "GetPolicyVersion";
    const ACTION: Action = Action::new("iam:GetPolicyVersion");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let (arn, version) = (&self.policy_arn, &self.version_id);
        if let Some(aws) = Managed::find(arn) {
            if aws.version != *version {
                let (arn, version) = (arn.clone(), version.clone());
                return Err(wharf_identity::Error::NoSuchVersion { arn, version }.into());
            }
            return Ok(Output { policy_version: VersionShape::aws_whole(aws) });
        }
        let found = call.identity().version(call.account(), arn, version).await?;
        Ok(Output { policy_version: VersionShape::whole(&found) })
    }
}
