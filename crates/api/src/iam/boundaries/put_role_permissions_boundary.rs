//! PutRolePermissionsBoundary: the most that a role may, whatever its policies say.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRolePermissionsBoundary {
    role_name: String,
    permissions_boundary: String,
}

impl Operation for PutRolePermissionsBoundary {
    const NAME: &'static str = "PutRolePermissionsBoundary";
    const ACTION: Action = Action::new("iam:PutRolePermissionsBoundary");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::boundary(Some(&self.permissions_boundary))
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, boundary) = (call.account(), Some(self.permissions_boundary.as_str()));
        Ok(call.identity().bound(account, Kind::Role, &self.role_name, boundary).await?)
    }
}
