//! CreateOpenIDConnectProvider: whose tokens the account takes, and for which audiences.

use serde::{Deserialize, Serialize};
use wharf_identity::{Kind, NewProvider, Tag};
use wharf_policy::{Action, Fact};

use crate::iam::not_served;
use crate::query::{Call, Error, Operation, Subject, facts};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOpenIDConnectProvider {
    url: String,
    #[serde(rename = "ClientIDList")]
    client_id_list: Option<Vec<String>>,
    thumbprint_list: Option<Vec<String>>,
    tags: Option<Vec<Tag>>,
    /// Refused, whatever it says.
    context_provider: Option<serde_json::Value>,
    identity_center_instance_arn: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "OpenIDConnectProviderArn")]
    open_id_connect_provider_arn: String,
    tags: Option<Vec<Tag>>,
}

impl Operation for CreateOpenIDConnectProvider {
    const NAME: &'static str = "CreateOpenIDConnectProvider";
    const ACTION: Action = Action::new("iam:CreateOpenIDConnectProvider");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        let name = self.url.strip_prefix("https://").unwrap_or(&self.url);
        Subject::New(Kind::Provider, None, name)
    }

    fn facts(&self) -> Vec<(String, Fact)> {
        facts::tags(self.tags.as_deref().unwrap_or_default())
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        not_served("ContextProvider", self.context_provider.is_some())?;
        let given = self.identity_center_instance_arn.is_some();
        not_served("IdentityCenterInstanceArn", given)?;
        let tags = self.tags.unwrap_or_default();
        let port = call.identity().outbound().allows_url(&self.url);
        let new = NewProvider {
            url: self.url,
            client_ids: self.client_id_list.unwrap_or_default(),
            thumbprints: self.thumbprint_list.unwrap_or_default(),
            tags: tags.clone(),
            port,
        };
        let made = call.identity().create_provider(call.account(), &new, call.now()).await?;
        let tags = (!tags.is_empty()).then_some(tags);
        Ok(Output { open_id_connect_provider_arn: made.entity.arn(), tags })
    }
}
