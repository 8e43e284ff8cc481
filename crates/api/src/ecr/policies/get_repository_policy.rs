//! GetRepositoryPolicy: tells the policy of a repository.

use serde::Deserialize;
use wharf_policy::Action;
use wharf_registry::{Error, Repository, policies};

use super::shape::RepositoryPolicy;
use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRepositoryPolicy {
    registry_id: Option<String>,
    repository_name: String,
}

impl Operation for GetRepositoryPolicy {
    const NAME: &'static str = "GetRepositoryPolicy";
    const ACTION: Action = Action::GET_REPOSITORY_POLICY;
    type Target = Repository;
    type Output = RepositoryPolicy;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<RepositoryPolicy, Error> {
        let document = policies::repository::get(call.registry(), &call.target).await?;
        RepositoryPolicy::of(&call.target, document, &call.api.identity).await
    }
}
