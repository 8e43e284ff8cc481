//! TagResource: sets tags of a repository.

use serde::{Deserialize, Serialize};
use wharf_policy::{Action, Facts};
use wharf_registry::repository::{ResourceTag, resource_tags};
use wharf_registry::{Error, Repository};

use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagResource {
    resource_arn: String,
    tags: Vec<ResourceTag>,
}

#[derive(Serialize)]
pub struct Output {}

impl Operation for TagResource {
    const NAME: &'static str = "TagResource";
    const ACTION: Action = Action::TAG_RESOURCE;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Arn(&self.resource_arn)
    }

    fn facts(&self) -> Vec<Facts> {
        vec![resource_tags::facts(&self.tags)]
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        resource_tags::set(call.registry(), &call.target, &self.tags).await?;
        Ok(Output {})
    }
}
