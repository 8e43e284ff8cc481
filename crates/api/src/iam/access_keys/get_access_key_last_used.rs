//! GetAccessKeyLastUsed: whose a key is, and when and for what it was used last.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use crate::iam::shape::seconds;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAccessKeyLastUsed {
    access_key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user_name: String,
    access_key_last_used: LastUsed,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastUsed {
    last_used_date: Option<i64>,
    service_name: String,
    region: String,
}

impl Operation for GetAccessKeyLastUsed {
    const NAME: &'static str = "GetAccessKeyLastUsed";
    const ACTION: Action = Action::new("iam:GetAccessKeyLastUsed");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Key(&self.access_key_id)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let found = call.identity().key_last_used(call.account(), &self.access_key_id).await?;
        // AWS refuses a key that it does not have in these codes, and declares no other error.
        let found = found.ok_or_else(|| Error::Declared {
            code: "AccessDenied",
            status: 403,
            message: format!("The Access Key with id {} cannot be found", self.access_key_id),
        })?;
        let unused = || "N/A".to_owned();
        let access_key_last_used = LastUsed {
            last_used_date: found.at.map(seconds),
            service_name: found.service.unwrap_or_else(unused),
            region: found.region.unwrap_or_else(unused),
        };
        let user_name = found.user.unwrap_or_else(|| call.account().to_string());
        Ok(Output { user_name, access_key_last_used })
    }
}
