//! PutImageTagMutability: whether tags of a repository may be moved from now on.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::mutability::{self, ExclusionFilter, Mutability};
use wharf_registry::{Error, Repository};

use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageTagMutability {
    registry_id: Option<String>,
    repository_name: String,
    image_tag_mutability: String,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    registry_id: String,
    repository_name: String,
    image_tag_mutability: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tag_mutability_exclusion_filters: Vec<ExclusionFilter>,
}

impl Operation for PutImageTagMutability {
    const NAME: &'static str = "PutImageTagMutability";
    const ACTION: Action = Action::PUT_IMAGE_TAG_MUTABILITY;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let filters = self.image_tag_mutability_exclusion_filters.unwrap_or_default();
        let rule = Mutability::asked(&self.image_tag_mutability, filters)?;
        mutability::put(call.registry(), &call.target, &rule).await?;
        Ok(Output {
            registry_id: call.registry_id.account.to_string(),
            repository_name: call.target.name().to_string(),
            image_tag_mutability: rule.mode.as_str(),
            image_tag_mutability_exclusion_filters: rule.filters,
        })
    }
}
