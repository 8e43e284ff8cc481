//! GetAuthorizationToken: the password for `docker login`, good for twelve hours.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::{Error, RegistryId};

use crate::operation::{Address, Call, Operation, OwnRegistry};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAuthorizationToken {
    /// Deprecated by AWS and still sent: one entry for each, all with the same token.
    registry_ids: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    authorization_data: Vec<AuthorizationData>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationData {
    authorization_token: String,
    expires_at: f64,
    proxy_endpoint: String,
}

impl Operation for GetAuthorizationToken {
    const NAME: &'static str = "GetAuthorizationToken";
    const ACTION: Action = Action::GET_AUTHORIZATION_TOKEN;
    type Target = OwnRegistry;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Own
    }

    async fn run(self, call: Call<OwnRegistry>) -> Result<Output, Error> {
        let RegistryId { account, region } = &call.registry_id;
        let token = call.api.identity.issue_token(call.caller(), region, call.registry().now());
        let ids = self.registry_ids.unwrap_or_else(|| vec![account.to_string()]);
        let authorization_data = ids
            .iter()
            .map(|id| {
                let account = id.parse().map_err(|error: wharf_policy::InvalidAccountId| {
                    Error::Parameter { path: "registryIds", reason: error.to_string() }
                })?;
                let id = RegistryId { account, region: region.clone() };
                Ok(AuthorizationData {
                    authorization_token: token.authorization.clone(),
                    expires_at: crate::ecr::seconds(token.expires_at),
                    proxy_endpoint: call.api.endpoint.address(&id),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Output { authorization_data })
    }
}
