//! What would be decided: simulations of requests, and what their policies ask for. A file an
//! operation.

mod excluded;
mod get_context_keys_for_custom_policy;
mod get_context_keys_for_principal_policy;
mod outcome;
mod place;
mod question;
mod simulate_custom_policy;
mod simulate_principal_policy;
mod sources;

pub use get_context_keys_for_custom_policy::GetContextKeysForCustomPolicy;
pub use get_context_keys_for_principal_policy::GetContextKeysForPrincipalPolicy;
pub use simulate_custom_policy::SimulateCustomPolicy;
pub use simulate_principal_policy::SimulatePrincipalPolicy;
