//! DeleteRepositoryPolicy: removes the policy of a repository, and tells what it was.

use serde::Deserialize;
use wharf_policy::Action;
use wharf_registry::{Error, Repository, policies};

use super::shape::RepositoryPolicy;
use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRepositoryPolicy {
    registry_id: Option<String>,
    repository_name: String,
}

impl Operation for DeleteRepositoryPolicy {
    const NAME: &'static str = "DeleteRepositoryPolicy";
    const ACTION: Action = Action::DELETE_REPOSITORY_POLICY;
    type Target = Repository;
    type Output = RepositoryPolicy;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<RepositoryPolicy, Error> {
        let document = policies::repository::delete(call.registry(), &call.target).await?;
        RepositoryPolicy::of(&call.target, document, &call.api.identity).await
    }
}
