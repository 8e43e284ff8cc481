//! UntagOpenIDConnectProvider: takes tags from a provider. Those that it does not have are none to take.

use serde::Deserialize;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagOpenIDConnectProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    open_id_connect_provider_arn: String,
    tag_keys: Vec<String>,
}

impl Operation for UntagOpenIDConnectProvider {
    const NAME: &'static str = "UntagOpenIDConnectProvider";
    const ACTION: Action = Action::new("iam:UntagOpenIDConnectProvider");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.open_id_connect_provider_arn)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::tag_keys(&self.tag_keys)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, arn) = (call.account(), &self.open_id_connect_provider_arn);
        let provider = call.identity().provider(account, arn).await?;

        Ok(call.identity().untag(&provider.entity, &self.tag_keys).await?)
    }
}
