//! GenerateCredentialReport: there is nothing to wait for; GetCredentialReport makes the report.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
pub struct GenerateCredentialReport {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    state: &'static str,
}

impl Operation for GenerateCredentialReport {
    const NAME: &'static str = "GenerateCredentialReport";
    const ACTION: Action = Action::new("iam:GenerateCredentialReport");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, _: Call) -> Result<Output, Error> {
        Ok(Output { state: "COMPLETE" })
    }
}
