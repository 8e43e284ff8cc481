//! ListVirtualMFADevices: there are none; Wharf knows no second factor.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::nothing;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListVirtualMFADevices {
    assignment_status: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "VirtualMFADevices")]
    none: [(); 0],
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListVirtualMFADevices {
    const NAME: &'static str = "ListVirtualMFADevices";
    const ACTION: Action = Action::new("iam:ListVirtualMFADevices");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let parts = [Self::NAME, self.assignment_status.as_deref().unwrap_or_default()];
        let paged = nothing(&call, &parts, self.marker, self.max_items)?;
        Ok(Output { none: [], paged })
    }
}
