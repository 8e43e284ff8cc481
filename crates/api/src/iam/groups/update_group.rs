//! UpdateGroup: another name or path. What hangs on the group stays.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateGroup {
    group_name: String,
    new_path: Option<String>,
    new_group_name: Option<String>,
}

impl Operation for UpdateGroup {
    const NAME: &'static str = "UpdateGroup";
    const ACTION: Action = Action::new("iam:UpdateGroup");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    fn renamed(&self) -> Option<(Option<&str>, Option<&str>)> {
        Some((self.new_group_name.as_deref(), self.new_path.as_deref()))
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (name, path) = (self.new_group_name.as_deref(), self.new_path.as_deref());
        let account = call.account();
        Ok(call.identity().rename(account, Kind::Group, &self.group_name, name, path).await?)
    }
}
