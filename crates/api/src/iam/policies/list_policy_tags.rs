//! ListPolicyTags: the tags of a managed policy, sorted by key.

use serde::Deserialize;
use wharf_policy::Action;

use crate::iam::tag::{self, Tags};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListPolicyTags {
    policy_arn: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

impl Operation for ListPolicyTags {
    const NAME: &'static str = "ListPolicyTags";
    const ACTION: Action = Action::new("iam:ListPolicyTags");
    type Output = Tags;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<Tags, Error> {
        let policy = call.identity().policy(call.account(), &self.policy_arn).await?;
        let parts = [Self::NAME, &policy.entity.id];
        tag::page(&call, &policy.entity.id, &parts, self.marker.as_deref(), self.max_items).await
    }
}
