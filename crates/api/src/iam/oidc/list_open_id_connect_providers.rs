//! ListOpenIDConnectProviders: the ARNs of all providers of the account.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOpenIDConnectProviders {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "OpenIDConnectProviderList")]
    open_id_connect_provider_list: Vec<Listed>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    arn: String,
}

impl Operation for ListOpenIDConnectProviders {
    const NAME: &'static str = "ListOpenIDConnectProviders";
    const ACTION: Action = Action::new("iam:ListOpenIDConnectProviders");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let found = call.identity().providers(call.account()).await?;
        let open_id_connect_provider_list =
            found.iter().map(|provider| Listed { arn: provider.arn() }).collect();
        Ok(Output { open_id_connect_provider_list })
    }
}
