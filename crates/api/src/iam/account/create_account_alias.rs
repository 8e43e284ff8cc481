//! CreateAccountAlias: a name for the account, in the place of one that it has.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAccountAlias {
    account_alias: String,
}

impl Operation for CreateAccountAlias {
    const NAME: &'static str = "CreateAccountAlias";
    const ACTION: Action = Action::new("iam:CreateAccountAlias");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Ok(call.identity().set_alias(call.account(), &self.account_alias).await?)
    }
}
