//! PutRegistryPolicy: puts a policy in the place of what the registry had.

use serde::Deserialize;
use wharf_policy::{Action, Grammar};
use wharf_registry::{Error, policies};

use super::shape::{RegistryPolicy, accept};
use crate::operation::{Address, Call, Operation, OwnRegistry};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutRegistryPolicy {
    policy_text: String,
}

impl Operation for PutRegistryPolicy {
    const NAME: &'static str = "PutRegistryPolicy";
    const ACTION: Action = Action::PUT_REGISTRY_POLICY;
    type Target = OwnRegistry;
    type Output = RegistryPolicy;

    fn address(&self) -> Address<'_> {
        Address::Own
    }

    async fn run(self, call: Call<OwnRegistry>) -> Result<RegistryPolicy, Error> {
        let scope = policies::registry::scope(call.registry(), &call.registry_id).await?;
        let grammar = Grammar::Registry(scope);
        let document = accept(&self.policy_text, grammar, &call.api.identity).await?;
        policies::registry::put(call.registry(), &call.registry_id, &document).await?;
        RegistryPolicy::of(&call.registry_id, document, &call.api.identity).await
    }
}
