//! GetCredentialReport: the root and all users with the age and last use of their credentials, as a
//! table in CSV. It is made when it is asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::credentials;
use crate::iam::shape::seconds;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
pub struct GetCredentialReport {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    content: String,
    report_format: &'static str,
    generated_time: i64,
}

impl Operation for GetCredentialReport {
    const NAME: &'static str = "GetCredentialReport";
    const ACTION: Action = Action::new("iam:GetCredentialReport");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        Ok(Output {
            content: STANDARD.encode(credentials::report(&call).await?),
            report_format: "text/csv",
            generated_time: seconds(call.now()),
        })
    }
}
