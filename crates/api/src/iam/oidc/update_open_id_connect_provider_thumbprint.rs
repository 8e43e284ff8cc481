//! UpdateOpenIDConnectProviderThumbprint: these thumbprints in the place of all that are there.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateOpenIDConnectProviderThumbprint {
    #[serde(rename = "OpenIDConnectProviderArn")]
    open_id_connect_provider_arn: String,
    thumbprint_list: Vec<String>,
}

impl Operation for UpdateOpenIDConnectProviderThumbprint {
    const NAME: &'static str = "UpdateOpenIDConnectProviderThumbprint";
    const ACTION: Action = Action::new("iam:UpdateOpenIDConnectProviderThumbprint");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.open_id_connect_provider_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, arn) = (call.account(), &self.open_id_connect_provider_arn);
        Ok(call.identity().set_thumbprints(account, arn, &self.thumbprint_list).await?)
    }
}
