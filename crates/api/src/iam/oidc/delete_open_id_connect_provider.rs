//! DeleteOpenIDConnectProvider: its tokens get no sessions any more; sessions that are open go on.

use serde::Deserialize;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteOpenIDConnectProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    open_id_connect_provider_arn: String,
}

impl Operation for DeleteOpenIDConnectProvider {
    const NAME: &'static str = "DeleteOpenIDConnectProvider";
    const ACTION: Action = Action::new("iam:DeleteOpenIDConnectProvider");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.open_id_connect_provider_arn)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let arn = &self.open_id_connect_provider_arn;
        Ok(call.identity().delete_provider(call.account(), arn).await?)
    }
}
