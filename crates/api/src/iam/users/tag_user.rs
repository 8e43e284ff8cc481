//! TagUser: tags for a user, in the place of those with the same keys.

use serde::Deserialize;
use wharf_identity::{Kind, Tag};
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagUser {
    user_name: String,
    tags: Vec<Tag>,
}

impl Operation for TagUser {
    const NAME: &'static str = "TagUser";
    const ACTION: Action = Action::new("iam:TagUser");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::tags(&self.tags)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Ok(call.identity().tag(call.entity()?, &self.tags).await?)
    }
}
