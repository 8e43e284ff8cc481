//! DeleteAccessKey: the key opens nothing from the next call on.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteAccessKey {
    user_name: Option<String>,
    access_key_id: String,
}

impl Operation for DeleteAccessKey {
    const NAME: &'static str = "DeleteAccessKey";
    const ACTION: Action = Action::new("iam:DeleteAccessKey");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Ok(call.identity().delete_key(call.owner()?, &self.access_key_id).await?)
    }
}
