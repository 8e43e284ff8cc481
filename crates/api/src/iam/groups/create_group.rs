//! CreateGroup: a group of the account, with nothing that its members may do.

use serde::{Deserialize, Serialize};
use wharf_identity::{Kind, New};
use wharf_policy::Action;

use crate::iam::shape::GroupShape;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateGroup {
    path: Option<String>,
    group_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    group: GroupShape,
}

impl Operation for CreateGroup {
    const NAME: &'static str = "CreateGroup";
    const ACTION: Action = Action::new("iam:CreateGroup");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::New(Kind::Group, self.path.as_deref(), &self.group_name)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let new = New { name: self.group_name, path: self.path, ..New::default() };
        let group = call.identity().create_group(call.account(), &new, call.now()).await?;
        Ok(Output { group: GroupShape::of(&group) })
    }
}
