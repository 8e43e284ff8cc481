//! CreateRole: a role of the account, who may take it, and nothing that it may do.

use serde::{Deserialize, Serialize};
use wharf_identity::{Kind, New, Tag};
use wharf_policy::{Action, Fact};

use crate::iam::not_served;
use crate::iam::shape::RoleShape;
use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateRole {
    path: Option<String>,
    role_name: String,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: Option<i64>,
    max_signin_session_duration: Option<i64>,
    permissions_boundary: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    role: RoleShape,
}

impl Operation for CreateRole {
    const NAME: &'static str = "CreateRole";
    const ACTION: Action = Action::new("iam:CreateRole");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::New(Kind::Role, self.path.as_deref(), &self.role_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        let mut facts = facts::tags(self.tags.as_deref().unwrap_or_default());
        facts.extend(facts::boundary(self.permissions_boundary.as_deref()));
        facts
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        not_served("MaxSigninSessionDuration", self.max_signin_session_duration.is_some())?;
        let tags = self.tags.unwrap_or_default();
        let new = New {
            name: self.role_name,
            path: self.path,
            description: self.description,
            boundary: self.permissions_boundary,
            tags: tags.clone(),
        };
        let (trust, seconds) = (&self.assume_role_policy_document, self.max_session_duration);
        let (identity, account) = (call.identity(), call.account());
        let role = identity.create_role(account, &new, trust, seconds, call.now()).await?;
        Ok(Output { role: RoleShape::made(&role, tags, seconds) })
    }
}
