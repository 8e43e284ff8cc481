//! ListOpenIDConnectProviderTags: the tags of a provider, sorted by key.

use serde::Deserialize;
use wharf_policy::Action;

use crate::iam::tag::{self, Tags};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOpenIDConnectProviderTags {
    #[serde(rename = "OpenIDConnectProviderArn")]
    open_id_connect_provider_arn: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

impl Operation for ListOpenIDConnectProviderTags {
    const NAME: &'static str = "ListOpenIDConnectProviderTags";
    const ACTION: Action = Action::new("iam:ListOpenIDConnectProviderTags");
    type Output = Tags;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.open_id_connect_provider_arn)
    }

    async fn run(self, call: Call) -> Result<Tags, Error> {
        let (account, arn) = (call.account(), &self.open_id_connect_provider_arn);
        let provider = call.identity().provider(account, arn).await?;

        let id = &provider.entity.id;
        let parts = [Self::NAME, id];
        tag::page(&call, id, &parts, self.marker.as_deref(), self.max_items).await
    }
}
