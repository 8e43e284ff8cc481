//! InitiateLayerUpload: begins a layer that comes in parts.

use serde::{Deserialize, Serialize};
use wharf_oci::Algorithm;
use wharf_policy::Action;
use wharf_registry::{Error, Repository, upload};

use crate::operation::{Address, Call, Operation};

/// The part size that ECR proposes, in bytes.
const PART_SIZE: i64 = 10 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitiateLayerUpload {
    registry_id: Option<String>,
    repository_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    upload_id: String,
    part_size: i64,
}

impl Operation for InitiateLayerUpload {
    const NAME: &'static str = "InitiateLayerUpload";
    const ACTION: Action = Action::INITIATE_LAYER_UPLOAD;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let (registry, caller) = (call.registry(), call.caller());
        let begun = upload::begin(registry, &call.target, caller, Algorithm::Sha256).await?;
        Ok(Output { upload_id: begun.id.to_string(), part_size: PART_SIZE })
    }
}
