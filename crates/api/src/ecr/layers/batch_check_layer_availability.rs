//! BatchCheckLayerAvailability: which layers the repository holds, so that they need not be sent.

use serde::{Deserialize, Serialize};
use wharf_oci::Digest;
use wharf_policy::Action;
use wharf_registry::{Error, Repository, layer};

use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCheckLayerAvailability {
    registry_id: Option<String>,
    repository_name: String,
    layer_digests: Vec<String>,
}

#[derive(Serialize)]
pub struct Output {
    layers: Vec<Layer>,
    failures: Vec<LayerFailure>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    layer_digest: String,
    layer_availability: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerFailure {
    layer_digest: String,
    failure_code: &'static str,
    failure_reason: String,
}

impl Operation for BatchCheckLayerAvailability {
    const NAME: &'static str = "BatchCheckLayerAvailability";
    const ACTION: Action = Action::BATCH_CHECK_LAYER_AVAILABILITY;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let mut output = Output { layers: Vec::new(), failures: Vec::new() };
        for digest in self.layer_digests {
            match digest.parse::<Digest>() {
                Ok(digest) => output.layers.push(check(&call, &digest).await?),
                Err(_) => output.failures.push(failure(digest)),
            }
        }
        Ok(output)
    }
}

async fn check(call: &Call<Repository>, digest: &Digest) -> Result<Layer, Error> {
    let (registry, repository) = (call.registry(), &call.target);
    let layer_digest = digest.to_string();
    let Some(found) = layer::announce(registry, repository, digest).await? else {
        let layer_availability = "UNAVAILABLE";
        return Ok(Layer { layer_digest, layer_availability, layer_size: None, media_type: None });
    };
    Ok(Layer {
        layer_digest,
        layer_availability: "AVAILABLE",
        layer_size: Some(found.size),
        media_type: layer::media_type(registry, repository, digest).await?,
    })
}

fn failure(layer_digest: String) -> LayerFailure {
    if layer_digest.is_empty() {
        let failure_reason = format!("Layer digest '{layer_digest}' could not be found");
        return LayerFailure { layer_digest, failure_code: "MissingLayerDigest", failure_reason };
    }
    let failure_reason = format!("Invalid layer digest '{layer_digest}'");
    LayerFailure { layer_digest, failure_code: "InvalidLayerDigest", failure_reason }
}
