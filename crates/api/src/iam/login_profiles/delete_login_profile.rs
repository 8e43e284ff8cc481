//! DeleteLoginProfile: takes the password of a user, or of whoever calls, away.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteLoginProfile {
    user_name: Option<String>,
}

impl Operation for DeleteLoginProfile {
    const NAME: &'static str = "DeleteLoginProfile";
    const ACTION: Action = Action::new("iam:DeleteLoginProfile");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let user = &call.entity()?.name;
        Ok(call.identity().delete_login_profile(call.account(), user).await?)
    }
}
