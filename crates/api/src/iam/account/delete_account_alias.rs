//! DeleteAccountAlias: the account goes by its number alone.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteAccountAlias {
    account_alias: String,
}

impl Operation for DeleteAccountAlias {
    const NAME: &'static str = "DeleteAccountAlias";
    const ACTION: Action = Action::new("iam:DeleteAccountAlias");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        Ok(call.identity().delete_alias(call.account(), &self.account_alias).await?)
    }
}
