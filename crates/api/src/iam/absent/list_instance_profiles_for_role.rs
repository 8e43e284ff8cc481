//! ListInstanceProfilesForRole: there are none. Terraform asks before it deletes a role.

use serde::{Deserialize, Serialize};
use wharf_identity::Kind;
use wharf_policy::Action;

use super::nothing;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInstanceProfilesForRole {
    role_name: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "InstanceProfiles")]
    none: [(); 0],
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListInstanceProfilesForRole {
    const NAME: &'static str = "ListInstanceProfilesForRole";
    const ACTION: Action = Action::new("iam:ListInstanceProfilesForRole");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Role, &self.role_name)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        call.entity()?;
        let paged = nothing(&call, &[Self::NAME], self.marker, self.max_items)?;
        Ok(Output { none: [], paged })
    }
}
