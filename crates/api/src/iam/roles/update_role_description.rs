//! UpdateRoleDescription: the older way to give a role another description.

use serde::{Deserialize, Serialize};
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::iam::shape::RoleShape;
use crate::iam::tag;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateRoleDescription {
    role_name: String,
    description: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    role: RoleShape,
}

impl Operation for UpdateRoleDescription {
    const NAME: &'static str = "UpdateRoleDescription";
    const ACTION: Action = Action::new("iam:UpdateRoleDescription");
    const SHOWS_BOUNDARY: bool = true;
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let (account, name, description) = (call.account(), &self.role_name, &self.description);
        call.identity().update_role(account, name, Some(description), None).await?;
        let role = call.identity().role(call.account(), &self.role_name).await?;
        let tags = tag::all(&call, &role.entity.id).await?;
        Ok(Output { role: RoleShape::whole(&role, tags) })
    }
}
