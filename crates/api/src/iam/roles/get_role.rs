//! GetRole: a role with everything that is told of it.

use serde::{Deserialize, Serialize};
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::iam::shape::RoleShape;
use crate::iam::tag;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetRole {
    role_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    role: RoleShape,
}

impl Operation for GetRole {
    const NAME: &'static str = "GetRole";
    const ACTION: Action = Action::new("iam:GetRole");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let role = call.identity().role(call.account(), &self.role_name).await?;
        let tags = tag::all(&call, &role.entity.id).await?;
        Ok(Output { role: RoleShape::whole(&role, tags) })
    }
}
