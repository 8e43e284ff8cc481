//! ListInstanceProfiles: there are none; Wharf has no machines.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::nothing;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInstanceProfiles {
    path_prefix: Option<String>,
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

impl Operation for ListInstanceProfiles {
    const NAME: &'static str = "ListInstanceProfiles";
    const ACTION: Action = Action::new("iam:ListInstanceProfiles");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let parts = [Self::NAME, self.path_prefix.as_deref().unwrap_or_default()];
        let paged = nothing(&call, &parts, self.marker, self.max_items)?;
        Ok(Output { none: [], paged })
    }
}
