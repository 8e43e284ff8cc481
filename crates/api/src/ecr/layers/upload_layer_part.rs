//! UploadLayerPart: one part of a layer, in order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::{Error, Repository, upload};

use crate::operation::{Address, Call, Operation};

/// The largest part, in bytes, as the model has it.
const MAX_PART: usize = 20_971_520;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadLayerPart {
    registry_id: Option<String>,
    repository_name: String,
    upload_id: String,
    part_first_byte: u64,
    /// Inclusive.
    part_last_byte: u64,
    /// Base64.
    layer_part_blob: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    registry_id: String,
    repository_name: String,
    upload_id: String,
    last_byte_received: u64,
}

impl Operation for UploadLayerPart {
    const NAME: &'static str = "UploadLayerPart";
    const ACTION: Action = Action::UPLOAD_LAYER_PART;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let (registry, repository) = (call.registry(), &call.target);
        let found = upload::find(registry, repository, call.caller(), &self.upload_id).await?;
        let bytes = STANDARD.decode(self.layer_part_blob).map_err(|error| Error::Parameter {
            path: "layerPartBlob",
            reason: format!("Member must be Base64: {error}"),
        })?;
        if bytes.len() > MAX_PART {
            let reason = format!("Member must have length less than or equal to {MAX_PART}");
            return Err(Error::Parameter { path: "layerPartBlob", reason });
        }
        let announced = self.part_last_byte.checked_sub(self.part_first_byte).map(|last| last + 1);
        if announced != Some(bytes.len() as u64) {
            return Err(Error::InvalidLayerPart {
                id: self.upload_id,
                name: repository.name().clone(),
                account: repository.registry().account.clone(),
                last_valid_byte: found.received().checked_sub(1),
            });
        }
        let first = self.part_first_byte;
        let upload = upload::append_part(registry, repository, found, first, bytes.into()).await?;
        Ok(Output {
            registry_id: call.registry_id.account.to_string(),
            repository_name: repository.name().to_string(),
            upload_id: self.upload_id,
            last_byte_received: upload.received().saturating_sub(1),
        })
    }
}
