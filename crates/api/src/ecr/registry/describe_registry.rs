//! DescribeRegistry: the registry's id and its replication.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::Error;

use crate::operation::{Address, Call, Operation, OwnRegistry};

#[derive(Deserialize)]
pub struct DescribeRegistry {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    registry_id: String,
    replication_configuration: ReplicationConfiguration,
}

/// Without rules, as nobody can put any yet.
#[derive(Serialize)]
struct ReplicationConfiguration {
    rules: [(); 0],
}

impl Operation for DescribeRegistry {
    const NAME: &'static str = "DescribeRegistry";
    const ACTION: Action = Action::DESCRIBE_REGISTRY;
    type Target = OwnRegistry;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Own
    }

    async fn run(self, call: Call<OwnRegistry>) -> Result<Output, Error> {
        Ok(Output {
            registry_id: call.registry_id.account.to_string(),
            replication_configuration: ReplicationConfiguration { rules: [] },
        })
    }
}
