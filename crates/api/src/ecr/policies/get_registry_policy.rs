//! GetRegistryPolicy: tells the policy of the registry.

use serde::Deserialize;
use wharf_policy::Action;
use wharf_registry::{Error, policies};

use super::shape::RegistryPolicy;
use crate::operation::{Address, Call, Operation, OwnRegistry};

#[derive(Deserialize)]
pub struct GetRegistryPolicy {}

impl Operation for GetRegistryPolicy {
    const NAME: &'static str = "GetRegistryPolicy";
    const ACTION: Action = Action::GET_REGISTRY_POLICY;
    type Target = OwnRegistry;
    type Output = RegistryPolicy;

    fn address(&self) -> Address<'_> {
        Address::Own
    }

    async fn run(self, call: Call<OwnRegistry>) -> Result<RegistryPolicy, Error> {
        let document = policies::registry::get(call.registry(), &call.registry_id).await?;
        RegistryPolicy::of(&call.registry_id, document, &call.api.identity).await
    }
}
