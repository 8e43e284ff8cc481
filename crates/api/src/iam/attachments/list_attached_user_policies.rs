//! ListAttachedUserPolicies: the managed policies of a user.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use super::attached::{self, Attached};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAttachedUserPolicies {
    user_name: String,
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

impl Operation for ListAttachedUserPolicies {
    const NAME: &'static str = "ListAttachedUserPolicies";
    const ACTION: Action = Action::new("iam:ListAttachedUserPolicies");
    type Output = Attached;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    async fn run(self, call: Call) -> Result<Attached, Error> {
        let prefix = self.path_prefix.as_deref();
        attached::list(&call, Self::NAME, prefix, self.marker.as_deref(), self.max_items).await
    }
}
