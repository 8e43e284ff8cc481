//! GetAccountPasswordPolicy: there is none to be set; what passwords must be is the same everywhere.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAccountPasswordPolicy {}

impl Operation for GetAccountPasswordPolicy {
    const NAME: &'static str = "GetAccountPasswordPolicy";
    const ACTION: Action = Action::new("iam:GetAccountPasswordPolicy");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Err(Error::Declared {
            code: "NoSuchEntity",
            status: 404,
            message: format!(
                "The Password Policy with domain name {} cannot be found.",
                call.account()
            ),
        })
    }
}
