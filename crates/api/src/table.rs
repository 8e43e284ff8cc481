//! The table of ECR's operations. What is not in it, but in the model, is answered as not served.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use wharf_aws::Fault;
use wharf_policy::{Caller, Region};
use wharf_registry::{Error, RegistryId};

use crate::ecr::authorization::GetAuthorizationToken;
use crate::ecr::images::{BatchDeleteImage, BatchGetImage, DescribeImages, ListImages, PutImage};
use crate::ecr::layers::{
    BatchCheckLayerAvailability, CompleteLayerUpload, GetDownloadUrlForLayer, InitiateLayerUpload,
    UploadLayerPart,
};
use crate::ecr::repositories::{CreateRepository, DeleteRepository, DescribeRepositories};
use crate::operation::{Call, Operation, Target};
use crate::{Api, Refusal};

/// The operations of ECR that are served.
pub static ECR: &[Entry] = &[
    entry::<BatchCheckLayerAvailability>(),
    entry::<BatchDeleteImage>(),
    entry::<BatchGetImage>(),
    entry::<CompleteLayerUpload>(),
    entry::<CreateRepository>(),
    entry::<DeleteRepository>(),
    entry::<DescribeImages>(),
    entry::<DescribeRepositories>(),
    entry::<GetAuthorizationToken>(),
    entry::<GetDownloadUrlForLayer>(),
    entry::<InitiateLayerUpload>(),
    entry::<ListImages>(),
    entry::<PutImage>(),
    entry::<UploadLayerPart>(),
];

/// One operation, callable without knowing its types.
pub struct Entry {
    pub name: &'static str,
    pub(crate) run: fn(Api, Arc<Caller>, Region, Value) -> Running,
}

pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Vec<u8>, Refusal>> + Send>>;

const fn entry<O: Operation>() -> Entry {
    Entry {
        name: O::NAME,
        run: |api, caller, region, input| Box::pin(run::<O>(api, caller, region, input)),
    }
}

async fn run<O: Operation>(
    api: Api,
    caller: Arc<Caller>,
    region: Region,
    input: Value,
) -> Result<Vec<u8>, Refusal> {
    let input: O =
        serde_json::from_value(input).map_err(|error| Fault::Serialization(error.to_string()))?;
    let address = input.address();
    let account = match address.registry_id {
        Some(id) => id.parse().map_err(|error: wharf_policy::InvalidAccountId| {
            Error::Parameter { path: "registryId", reason: error.to_string() }
        })?,
        None => caller.account.clone(),
    };
    let registry_id = RegistryId { account, region };
    let target =
        O::Target::reach(&api.registry, &caller, O::ACTION, &registry_id, address.repository)
            .await?;
    let output = input.run(Call { api, caller, registry_id, target }).await?;
    Ok(serde_json::to_vec(&output).map_err(Error::fault)?)
}
