//! ListAccountAliases: the name of the account, of which there is one at most.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAccountAliases {
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    account_aliases: Vec<String>,
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListAccountAliases {
    const NAME: &'static str = "ListAccountAliases";
    const ACTION: Action = Action::new("iam:ListAccountAliases");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let all: Vec<String> = call.identity().alias(call.account()).await?.into_iter().collect();
        let (account_aliases, paged) =
            call.slice(&[Self::NAME], self.marker.as_deref(), self.max_items, all)?;
        Ok(Output { account_aliases, paged })
    }
}
