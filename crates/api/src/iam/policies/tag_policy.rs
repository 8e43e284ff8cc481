//! TagPolicy: tags for a managed policy, in the place of those with the same keys.

use serde::Deserialize;
use wharf_identity::Tag;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagPolicy {
    policy_arn: String,
    tags: Vec<Tag>,
}

impl Operation for TagPolicy {
    const NAME: &'static str = "TagPolicy";
    const ACTION: Action = Action::new("iam:TagPolicy");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::tags(&self.tags)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let policy = call.identity().policy(call.account(), &self.policy_arn).await?;
        Ok(call.identity().tag(&policy.entity, &self.tags).await?)
    }
}
