//! The table of ECR's operations. What is not in it, but in the model, is answered as not served.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;
use wharf_aws::Fault;
use wharf_policy::{Action, Region, Requester};
use wharf_registry::{Ask, Error};

use crate::ecr::authorization::GetAuthorizationToken;
use crate::ecr::images::{
    BatchDeleteImage, BatchGetImage, DescribeImages, ListImageReferrers, ListImages, PutImage,
};
use crate::ecr::layers::{
    BatchCheckLayerAvailability, CompleteLayerUpload, GetDownloadUrlForLayer, InitiateLayerUpload,
    UploadLayerPart,
};
use crate::ecr::policies::{
    DeleteRegistryPolicy, DeleteRepositoryPolicy, GetRegistryPolicy, GetRepositoryPolicy,
    PutRegistryPolicy, SetRepositoryPolicy,
};
use crate::ecr::registry::{DescribeRegistry, GetAccountSetting, PutAccountSetting};
use crate::ecr::repositories::{
    CreateRepository, DeleteRepository, DescribeRepositories, ListTagsForResource,
    PutImageTagMutability, TagResource, UntagResource,
};
use crate::operation::{Call, Operation, Target};
use crate::{Api, Refusal};

/// The operations of ECR that are served.
pub static ECR: &[Entry] = &[
    entry::<BatchCheckLayerAvailability>(),
    entry::<BatchDeleteImage>(),
    entry::<BatchGetImage>(),
    entry::<CompleteLayerUpload>(),
    entry::<CreateRepository>(),
    entry::<DeleteRegistryPolicy>(),
    entry::<DeleteRepository>(),
    entry::<DeleteRepositoryPolicy>(),
    entry::<DescribeImages>(),
    entry::<DescribeRegistry>(),
    entry::<DescribeRepositories>(),
    entry::<GetAccountSetting>(),
    entry::<GetAuthorizationToken>(),
    entry::<GetDownloadUrlForLayer>(),
    entry::<GetRegistryPolicy>(),
    entry::<GetRepositoryPolicy>(),
    entry::<InitiateLayerUpload>(),
    entry::<ListImageReferrers>(),
    entry::<ListImages>(),
    entry::<ListTagsForResource>(),
    entry::<PutAccountSetting>(),
    entry::<PutImage>(),
    entry::<PutImageTagMutability>(),
    entry::<PutRegistryPolicy>(),
    entry::<SetRepositoryPolicy>(),
    entry::<TagResource>(),
    entry::<UntagResource>(),
    entry::<UploadLayerPart>(),
];

/// One operation, callable without knowing its types.
pub struct Entry {
    pub name: &'static str,
    /// The action that the caller must be allowed.
    pub action: Action,
    pub(crate) run: fn(Api, Requester, Region, Value) -> Running,
}

pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Vec<u8>, Refusal>> + Send>>;

const fn entry<O: Operation>() -> Entry {
    Entry {
        name: O::NAME,
        action: O::ACTION,
        run: |api, requester, region, input| Box::pin(run::<O>(api, requester, region, input)),
    }
}

async fn run<O: Operation>(
    api: Api,
    requester: Requester,
    region: Region,
    input: Value,
) -> Result<Vec<u8>, Refusal> {
    let input: O =
        serde_json::from_value(input).map_err(|error| Fault::Serialization(error.to_string()))?;
    api.registry.admit(&requester, O::ACTION)?;
    let (registry_id, name) = input.address().read(requester.caller(), region)?;
    let facts = input.facts();
    let ask = Ask { requester: &requester, action: O::ACTION, facts: &facts };
    let target = O::Target::reach(&api.registry, ask, &registry_id, name).await?;
    let output = input.run(Call { api, requester, registry_id, target }).await?;
    Ok(serde_json::to_vec(&output).map_err(Error::fault)?)
}
