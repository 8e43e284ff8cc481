//! CompleteLayerUpload: ends a layer that came in parts.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::{Error, Repository, upload};

use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteLayerUpload {
    registry_id: Option<String>,
    repository_name: String,
    upload_id: String,
    /// One of them must be right.
    layer_digests: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    registry_id: String,
    repository_name: String,
    upload_id: String,
    layer_digest: String,
}

impl Operation for CompleteLayerUpload {
    const NAME: &'static str = "CompleteLayerUpload";
    const ACTION: Action = Action::COMPLETE_LAYER_UPLOAD;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let (registry, repository) = (call.registry(), &call.target);
        let (caller, id, digests) = (call.caller(), &self.upload_id, &self.layer_digests);
        let digest = match upload::find(registry, repository, caller, id).await {
            Ok(found) => upload::complete(registry, repository, found, digests).await?,
            Err(error) => {
                let again =
                    upload::complete_again(registry, repository, caller, id, digests).await?;
                again.ok_or(error)?
            }
        };
        Ok(Output {
            registry_id: call.registry_id.account.to_string(),
            repository_name: repository.name().to_string(),
            upload_id: self.upload_id,
            layer_digest: digest.to_string(),
        })
    }
}
