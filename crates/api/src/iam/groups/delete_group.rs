//! DeleteGroup: a group on which nothing hangs any more.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteGroup {
    group_name: String,
}

impl Operation for DeleteGroup {
    const NAME: &'static str = "DeleteGroup";
    const ACTION: Action = Action::new("iam:DeleteGroup");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Ok(call.identity().delete_group(call.account(), &self.group_name).await?)
    }
}
