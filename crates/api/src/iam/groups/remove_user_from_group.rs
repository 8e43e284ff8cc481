//! RemoveUserFromGroup: a user leaves a group, and what it may through it.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoveUserFromGroup {
    group_name: String,
    user_name: String,
}

impl Operation for RemoveUserFromGroup {
    const NAME: &'static str = "RemoveUserFromGroup";
    const ACTION: Action = Action::new("iam:RemoveUserFromGroup");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Ok(call.identity().leave(call.account(), &self.group_name, &self.user_name).await?)
    }
}
