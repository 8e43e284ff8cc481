//! CreateRepository: makes a repository.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::Error;
use wharf_registry::mutability::{ExclusionFilter, Mode, Mutability};
use wharf_registry::repository::{Encryption, NewRepository, ResourceTag};

use super::shape::{RepositoryShape, ScanningConfiguration};
use crate::operation::{Address, Call, Listing, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRepository {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    tags: Option<Vec<ResourceTag>>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    image_scanning_configuration: Option<ScanningConfiguration>,
    encryption_configuration: Option<Encryption>,
}

#[derive(Serialize)]
pub struct Output {
    repository: RepositoryShape,
}

impl Operation for CreateRepository {
    const NAME: &'static str = "CreateRepository";
    const ACTION: Action = Action::CREATE_REPOSITORY;
    // The room decides, since the tags take part in it.
    type Target = Listing;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Listing>) -> Result<Output, Error> {
        let mode = self.image_tag_mutability.as_deref().unwrap_or(Mode::Mutable.as_str());
        let filters = self.image_tag_mutability_exclusion_filters.unwrap_or_default();
        let name = self.repository_name;
        let new = NewRepository {
            name: name.parse().map_err(|_| Error::NameInvalid(name))?,
            mutability: Mutability::asked(mode, filters)?,
            scan_on_push: self.image_scanning_configuration.is_some_and(|scan| scan.scan_on_push),
            encryption: self.encryption_configuration,
            tags: self.tags.unwrap_or_default(),
        };
        let made =
            call.registry().create_repository(&call.requester, &call.registry_id, new).await?;
        Ok(Output { repository: RepositoryShape::of(&made, &call.api.endpoint) })
    }
}
