//! SetRepositoryPolicy: puts a policy in the place of what a repository had.

use serde::Deserialize;
use wharf_policy::{Action, Grammar};
use wharf_registry::{Error, Repository, policies};

use super::shape::{RepositoryPolicy, accept};
use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetRepositoryPolicy {
    registry_id: Option<String>,
    repository_name: String,
    policy_text: String,
    force: Option<bool>,
}

impl Operation for SetRepositoryPolicy {
    const NAME: &'static str = "SetRepositoryPolicy";
    const ACTION: Action = Action::SET_REPOSITORY_POLICY;
    type Target = Repository;
    type Output = RepositoryPolicy;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<RepositoryPolicy, Error> {
        let document = accept(&self.policy_text, Grammar::Repository, &call.api.identity).await?;
        let force = self.force.unwrap_or(false);
        let (registry, requester) = (call.registry(), &call.requester);
        policies::repository::set(registry, requester, &call.target, &document, force).await?;
        RepositoryPolicy::of(&call.target, document, &call.api.identity).await
    }
}
