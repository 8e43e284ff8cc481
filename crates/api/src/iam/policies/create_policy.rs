//! CreatePolicy: a managed policy of the account, with its first version.

use serde::{Deserialize, Serialize};
use wharf_identity::{Kind, New, Tag};
use wharf_policy::{Action, Fact};

use crate::iam::shape::PolicyShape;
use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatePolicy {
    policy_name: String,
    path: Option<String>,
    policy_document: String,
    description: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy: PolicyShape,
}

impl Operation for CreatePolicy {
    const NAME: &'static str = "CreatePolicy";
    const ACTION: Action = Action::new("iam:CreatePolicy");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::New(Kind::Policy, self.path.as_deref(), &self.policy_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::tags(self.tags.as_deref().unwrap_or_default())
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let tags = self.tags.unwrap_or_default();
        let new = New {
            name: self.policy_name,
            path: self.path,
            description: self.description,
            boundary: None,
            tags: tags.clone(),
        };
        let (account, document) = (call.account(), &self.policy_document);
        let policy = call.identity().create_policy(account, &new, document, call.now()).await?;
        Ok(Output { policy: PolicyShape::made(&policy, tags) })
    }
}
