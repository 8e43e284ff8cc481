//! AddUserToGroup: what the group may, its member may. One who is in it stays.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddUserToGroup {
    group_name: String,
    user_name: String,
}

impl Operation for AddUserToGroup {
    const NAME: &'static str = "AddUserToGroup";
    const ACTION: Action = Action::new("iam:AddUserToGroup");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Ok(call.identity().join(call.account(), &self.group_name, &self.user_name).await?)
    }
}
