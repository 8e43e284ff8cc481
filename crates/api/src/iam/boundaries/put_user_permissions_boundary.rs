//! PutUserPermissionsBoundary: the most that a user may, whatever its policies say.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutUserPermissionsBoundary {
    user_name: String,
    permissions_boundary: String,
}

impl Operation for PutUserPermissionsBoundary {
    const NAME: &'static str = "PutUserPermissionsBoundary";
    const ACTION: Action = Action::new("iam:PutUserPermissionsBoundary");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::boundary(Some(&self.permissions_boundary))
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, boundary) = (call.account(), Some(self.permissions_boundary.as_str()));
        Ok(call.identity().bound(account, Kind::User, &self.user_name, boundary).await?)
    }
}
