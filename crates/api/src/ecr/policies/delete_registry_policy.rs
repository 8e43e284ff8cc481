//! DeleteRegistryPolicy: removes the policy of the registry, and tells what it was.

use serde::Deserialize;
use wharf_policy::Action;
use wharf_registry::{Error, policies};

use super::shape::RegistryPolicy;
use crate::operation::{Address, Call, Operation, OwnRegistry};

#[derive(Deserialize)]
pub struct DeleteRegistryPolicy {}

impl Operation for DeleteRegistryPolicy {
    const NAME: &'static str = "DeleteRegistryPolicy";
    const ACTION: Action = Action::DELETE_REGISTRY_POLICY;
    type Target = OwnRegistry;
    type Output = RegistryPolicy;

    fn address(&self) -> Address<'_> {
        Address::Own
    }

    async fn run(self, call: Call<OwnRegistry>) -> Result<RegistryPolicy, Error> {
        let document = policies::registry::delete(call.registry(), &call.registry_id).await?;
        RegistryPolicy::of(&call.registry_id, document, &call.api.identity).await
    }
}
