//! ListRoleTags: the tags of a role, sorted by key.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::iam::tag::{self, Tags};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRoleTags {
    role_name: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

impl Operation for ListRoleTags {
    const NAME: &'static str = "ListRoleTags";
    const ACTION: Action = Action::new("iam:ListRoleTags");
    type Output = Tags;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    async fn run(self, call: Call) -> Result<Tags, Error> {
        let parts = [Self::NAME, &call.entity()?.id];
        tag::list(&call, &parts, self.marker.as_deref(), self.max_items).await
    }
}
