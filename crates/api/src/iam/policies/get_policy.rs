//! GetPolicy: a managed policy of the account or of AWS, without its document.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_policy::Managed;

use crate::iam::shape::PolicyShape;
use crate::iam::tag;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetPolicy {
    policy_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy: PolicyShape,
}

impl Operation for GetPolicy {
    const NAME: &'static str = "GetPolicy";
    const ACTION: Action = Action::new("iam:GetPolicy");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let (identity, account) = (call.identity(), call.account());
        if let Some(aws) = Managed::find(&self.policy_arn) {
            let uses = identity.policy_uses(account, &self.policy_arn).await?;
            return Ok(Output { policy: PolicyShape::aws_whole(aws, uses) });
        }
        let policy = identity.policy(account, &self.policy_arn).await?;
        let tags = tag::all(&call, &policy.entity.id).await?;
        Ok(Output { policy: PolicyShape::whole(&policy, tags) })
    }
}
