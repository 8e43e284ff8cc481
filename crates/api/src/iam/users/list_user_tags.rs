//! ListUserTags: the tags of a user, sorted by key.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::iam::tag::{self, Tags};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListUserTags {
    user_name: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

impl Operation for ListUserTags {
    const NAME: &'static str = "ListUserTags";
    const ACTION: Action = Action::new("iam:ListUserTags");
    type Output = Tags;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    async fn run(self, call: Call) -> Result<Tags, Error> {
        let parts = [Self::NAME, &call.entity()?.id];
        tag::list(&call, &parts, self.marker.as_deref(), self.max_items).await
    }
}
