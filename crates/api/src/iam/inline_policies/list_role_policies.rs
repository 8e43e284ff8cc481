//! ListRolePolicies: the names of the policies that belong to one role.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use super::names::{self, Names};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRolePolicies {
    role_name: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

impl Operation for ListRolePolicies {
    const NAME: &'static str = "ListRolePolicies";
    const ACTION: Action = Action::new("iam:ListRolePolicies");
    type Output = Names;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    async fn run(self, call: Call) -> Result<Names, Error> {
        names::list(&call, Self::NAME, self.marker.as_deref(), self.max_items).await
    }
}
