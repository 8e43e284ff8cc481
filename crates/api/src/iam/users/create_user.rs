//! CreateUser: a user of the account, with nothing that it may do.

use serde::{Deserialize, Serialize};
use wharf_identity::{Kind, New, Tag};
use wharf_policy::{Action, Fact};

use crate::iam::shape::UserShape;
use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateUser {
    path: Option<String>,
    user_name: String,
    permissions_boundary: Option<String>,
    tags: Option<Vec<Tag>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user: UserShape,
}

impl Operation for CreateUser {
    const NAME: &'static str = "CreateUser";
    const ACTION: Action = Action::new("iam:CreateUser");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::New(Kind::User, self.path.as_deref(), &self.user_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        let mut facts = facts::tags(self.tags.as_deref().unwrap_or_default());
        facts.extend(facts::boundary(self.permissions_boundary.as_deref()));
        facts
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let tags = self.tags.unwrap_or_default();
        let new = New {
            name: self.user_name,
            path: self.path,
            description: None,
            boundary: self.permissions_boundary,
            tags: tags.clone(),
        };
        let user = call.identity().create_user(call.account(), &new, call.now()).await?;
        Ok(Output { user: UserShape::whole(&user, tags, None) })
    }
}
