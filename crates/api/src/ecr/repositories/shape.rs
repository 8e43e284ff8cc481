//! The repository as the API prints it.

use serde::Serialize;
use wharf_registry::mutability::ExclusionFilter;
use wharf_registry::repository::Encryption;

use crate::Endpoint;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryShape {
    repository_arn: String,
    registry_id: String,
    repository_name: String,
    repository_uri: String,
    created_at: f64,
    image_tag_mutability: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tag_mutability_exclusion_filters: Vec<ExclusionFilter>,
    image_scanning_configuration: ScanningConfiguration,
    encryption_configuration: Encryption,
}

#[derive(Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanningConfiguration {
    #[serde(default)]
    pub scan_on_push: bool,
}

impl RepositoryShape {
    pub fn of(repository: &wharf_registry::Repository, endpoint: &Endpoint) -> RepositoryShape {
        let id = repository.registry();
        RepositoryShape {
            repository_arn: repository.arn(),
            registry_id: id.account.to_string(),
            repository_name: repository.name().to_string(),
            repository_uri: format!("{}/{}", endpoint.host(id), repository.name()),
            created_at: crate::ecr::seconds(repository.created_at()),
            image_tag_mutability: repository.mutability().mode.as_str(),
            image_tag_mutability_exclusion_filters: repository.mutability().filters.clone(),
            image_scanning_configuration: ScanningConfiguration {
                scan_on_push: repository.scan_on_push(),
            },
            encryption_configuration: repository.encryption().clone(),
        }
    }
}
