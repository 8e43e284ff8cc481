//! GetOpenIDConnectProvider: a provider with everything that is told of it. Its URL comes without the scheme.

use serde::{Deserialize, Serialize};
use wharf_identity::Tag;
use wharf_policy::Action;

use crate::iam::shape::seconds;
use crate::iam::tag;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOpenIDConnectProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    open_id_connect_provider_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    url: String,
    #[serde(rename = "ClientIDList")]
    client_id_list: Vec<String>,
    thumbprint_list: Vec<String>,
    create_date: i64,
    tags: Vec<Tag>,
}

impl Operation for GetOpenIDConnectProvider {
    const NAME: &'static str = "GetOpenIDConnectProvider";
    const ACTION: Action = Action::new("iam:GetOpenIDConnectProvider");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.open_id_connect_provider_arn)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let (identity, arn) = (call.identity(), &self.open_id_connect_provider_arn);
        let found = identity.provider(call.account(), arn).await?;
        let tags = tag::all(&call, &found.entity.id).await?;
        Ok(Output {
            url: found.entity.name,
            client_id_list: found.client_ids,
            thumbprint_list: found.thumbprints,
            create_date: seconds(found.entity.created_at),
            tags,
        })
    }
}
