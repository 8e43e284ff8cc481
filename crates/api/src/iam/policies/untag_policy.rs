//! UntagPolicy: takes tags from a managed policy. Those that it does not have are none to take.

use serde::Deserialize;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagPolicy {
    policy_arn: String,
    tag_keys: Vec<String>,
}

impl Operation for UntagPolicy {
    const NAME: &'static str = "UntagPolicy";
    const ACTION: Action = Action::new("iam:UntagPolicy");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::tag_keys(&self.tag_keys)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let policy = call.identity().policy(call.account(), &self.policy_arn).await?;
        Ok(call.identity().untag(&policy.entity, &self.tag_keys).await?)
    }
}
