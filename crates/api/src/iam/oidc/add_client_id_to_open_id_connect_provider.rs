//! AddClientIDToOpenIDConnectProvider: one more audience that tokens may be for.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddClientIDToOpenIDConnectProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    open_id_connect_provider_arn: String,
    #[serde(rename = "ClientID")]
    client_id: String,
}

impl Operation for AddClientIDToOpenIDConnectProvider {
    const NAME: &'static str = "AddClientIDToOpenIDConnectProvider";
    const ACTION: Action = Action::new("iam:AddClientIDToOpenIDConnectProvider");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.open_id_connect_provider_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, arn) = (call.account(), &self.open_id_connect_provider_arn);
        Ok(call.identity().add_client_id(account, arn, &self.client_id).await?)
    }
}
