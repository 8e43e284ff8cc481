//! DeleteRepository: deletes a repository, with its images only if forced.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::{Error, Repository};

use super::shape::RepositoryShape;
use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRepository {
    registry_id: Option<String>,
    repository_name: String,
    force: Option<bool>,
}

#[derive(Serialize)]
pub struct Output {
    repository: RepositoryShape,
}

impl Operation for DeleteRepository {
    const NAME: &'static str = "DeleteRepository";
    const ACTION: Action = Action::DELETE_REPOSITORY;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let force = self.force.unwrap_or(false);
        call.registry().delete_repository(&call.target, force).await?;
        Ok(Output { repository: RepositoryShape::of(&call.target, &call.api.endpoint) })
    }
}
