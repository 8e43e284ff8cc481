//! ListServiceSpecificCredentials: there are none; access keys open everything.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::nothing;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListServiceSpecificCredentials {
    user_name: Option<String>,
    service_name: Option<String>,
    all_users: Option<bool>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "ServiceSpecificCredentials")]
    none: [(); 0],
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListServiceSpecificCredentials {
    const NAME: &'static str = "ListServiceSpecificCredentials";
    const ACTION: Action = Action::new("iam:ListServiceSpecificCredentials");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        match self.all_users {
            Some(true) => Subject::Account,
            _ => Subject::User(self.user_name.as_deref()),
        }
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        if self.all_users != Some(true) {
            call.owner()?;
        }
        let parts = [Self::NAME, self.service_name.as_deref().unwrap_or_default()];
        let paged = nothing(&call, &parts, self.marker, self.max_items)?;
        Ok(Output { none: [], paged })
    }
}
