//! UpdateAccessKey: switches a key off or on; from the next call on.

use serde::Deserialize;
use wharf_policy::Action;

use super::shape;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateAccessKey {
    user_name: Option<String>,
    access_key_id: String,
    status: String,
}

impl Operation for UpdateAccessKey {
    const NAME: &'static str = "UpdateAccessKey";
    const ACTION: Action = Action::new("iam:UpdateAccessKey");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let is_active = shape::read_status(&self.status)?;
        let owner = call.owner()?;
        Ok(call.identity().switch_key(owner, &self.access_key_id, is_active).await?)
    }
}
