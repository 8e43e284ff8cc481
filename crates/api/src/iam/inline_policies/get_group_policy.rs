//! GetGroupPolicy: a policy that belongs to one group, byte for byte as it was given.

use serde::{Deserialize, Serialize};
use wharf_aws::query;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetGroupPolicy {
    group_name: String,
    policy_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    group_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetGroupPolicy {
    const NAME: &'static str = "GetGroupPolicy";
    const ACTION: Action = Action::new("iam:GetGroupPolicy");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let holder = call.entity()?;
        let document = call.identity().inline(holder, &self.policy_name).await?;
        Ok(Output {
            group_name: holder.name.clone(),
            policy_name: self.policy_name,
            policy_document: query::document(&document),
        })
    }
}
