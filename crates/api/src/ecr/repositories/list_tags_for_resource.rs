//! ListTagsForResource: the tags of a repository, all at once.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::repository::{ResourceTag, resource_tags};
use wharf_registry::{Error, Repository};

use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTagsForResource {
    resource_arn: String,
}

#[derive(Serialize)]
pub struct Output {
    tags: Vec<ResourceTag>,
}

impl Operation for ListTagsForResource {
    const NAME: &'static str = "ListTagsForResource";
    const ACTION: Action = Action::LIST_TAGS_FOR_RESOURCE;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Arn(&self.resource_arn)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        Ok(Output { tags: resource_tags::list(call.registry(), &call.target).await? })
    }
}
