//! TagOpenIDConnectProvider: tags for a provider, in the place of those with the same keys.

use serde::Deserialize;
use wharf_identity::Tag;
use wharf_policy::{Action, Fact};

use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagOpenIDConnectProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    open_id_connect_provider_arn: String,
    tags: Vec<Tag>,
}

impl Operation for TagOpenIDConnectProvider {
    const NAME: &'static str = "TagOpenIDConnectProvider";
    const ACTION: Action = Action::new("iam:TagOpenIDConnectProvider");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.open_id_connect_provider_arn)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::tags(&self.tags)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, arn) = (call.account(), &self.open_id_connect_provider_arn);
        let provider = call.identity().provider(account, arn).await?;

        Ok(call.identity().tag(&provider.entity, &self.tags).await?)
    }
}
