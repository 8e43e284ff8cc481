//! UntagUser: takes tags from a user. Those that it does not have are none to take.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagUser {
    user_name: String,
    tag_keys: Vec<String>,
}

impl Operation for UntagUser {
    const NAME: &'static str = "UntagUser";
    const ACTION: Action = Action::new("iam:UntagUser");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::tag_keys(&self.tag_keys)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Ok(call.identity().untag(call.entity()?, &self.tag_keys).await?)
    }
}
