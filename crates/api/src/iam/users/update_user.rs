//! UpdateUser: another name or path. What hangs on the user stays.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateUser {
    user_name: String,
    new_path: Option<String>,
    new_user_name: Option<String>,
}

impl Operation for UpdateUser {
    const NAME: &'static str = "UpdateUser";
    const ACTION: Action = Action::new("iam:UpdateUser");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    fn renamed(&self) -> Option<(Option<&str>, Option<&str>)> {
        Some((self.new_user_name.as_deref(), self.new_path.as_deref()))
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (name, path) = (self.new_user_name.as_deref(), self.new_path.as_deref());
        let account = call.account();
        Ok(call.identity().rename(account, Kind::User, &self.user_name, name, path).await?)
    }
}
