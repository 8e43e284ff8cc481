//! ListMFADevices: there are none; Wharf knows no second factor.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::nothing;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListMFADevices {
    user_name: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "MFADevices")]
    none: [(); 0],
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListMFADevices {
    const NAME: &'static str = "ListMFADevices";
    const ACTION: Action = Action::new("iam:ListMFADevices");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        call.owner()?;
        let paged = nothing(&call, &[Self::NAME], self.marker, self.max_items)?;
        Ok(Output { none: [], paged })
    }
}
