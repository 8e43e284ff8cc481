//! ListUserPolicies: the names of the policies that belong to one user.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use super::names::{self, Names};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListUserPolicies {
    user_name: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

impl Operation for ListUserPolicies {
    const NAME: &'static str = "ListUserPolicies";
    const ACTION: Action = Action::new("iam:ListUserPolicies");
    type Output = Names;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    async fn run(self, call: Call) -> Result<Names, Error> {
        names::list(&call, Self::NAME, self.marker.as_deref(), self.max_items).await
    }
}
