//! ChangePassword: a user chooses another password, and must know the present one.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangePassword {
    old_password: String,
    new_password: String,
}

impl Operation for ChangePassword {
    const NAME: &'static str = "ChangePassword";
    const ACTION: Action = Action::new("iam:ChangePassword");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::User(None)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        if call.is_root() {
            return Err(Error::Declared {
                code: "InvalidUserType",
                status: 400,
                message: "Only IAM Users can change their own password".to_owned(),
            });
        }
        let (user, old, new) = (&call.entity()?.id, &self.old_password, &self.new_password);
        Ok(call.identity().change_password(user, old, new).await?)
    }
}
