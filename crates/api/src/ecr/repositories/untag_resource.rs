//! UntagResource: removes tags of a repository; keys that are not there are passed over.

use serde::{Deserialize, Serialize};
use wharf_policy::{Action, Facts};
use wharf_registry::repository::resource_tags;
use wharf_registry::{Error, Repository};

use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

#[derive(Serialize)]
pub struct Output {}

impl Operation for UntagResource {
    const NAME: &'static str = "UntagResource";
    const ACTION: Action = Action::UNTAG_RESOURCE;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Arn(&self.resource_arn)
    }

    fn facts(&self) -> Vec<Facts> {
        vec![resource_tags::key_facts(&self.tag_keys)]
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        resource_tags::remove(call.registry(), &call.target, &self.tag_keys).await?;
        Ok(Output {})
    }
}
