//! GetDownloadUrlForLayer: an address that any HTTP client can fetch, for an hour.

use serde::{Deserialize, Serialize};
use wharf_identity::Link;
use wharf_oci::Digest;
use wharf_policy::Action;
use wharf_registry::{Error, Repository, layer};

use crate::operation::{Address, Call, Operation};

/// How long the address is good for, in milliseconds: ECR's hour, but no longer than the session
/// that asks for it.
const LIFETIME: i64 = 60 * 60 * 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDownloadUrlForLayer {
    registry_id: Option<String>,
    repository_name: String,
    layer_digest: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    download_url: String,
    layer_digest: String,
}

impl Operation for GetDownloadUrlForLayer {
    const NAME: &'static str = "GetDownloadUrlForLayer";
    const ACTION: Action = Action::GET_DOWNLOAD_URL_FOR_LAYER;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let repository = &call.target;
        let digest: Digest = self.layer_digest.parse().map_err(|_| Error::Parameter {
            path: "layerDigest",
            reason: "must be 'sha256:' and 64 or 'sha512:' and 128 of 0-9 and a-f".to_owned(),
        })?;
        layer::downloadable(call.registry(), repository, &digest).await?;
        let session = call.caller().session.as_deref();
        let end = session.map_or(i64::MAX, |session| session.expires.as_millisecond());
        let link = Link {
            access_key_id: call.caller().access_key_id.clone(),
            session: session.map(|session| session.proof.clone()),
            account: call.registry_id.account.clone(),
            region: call.registry_id.region.clone(),
            path: format!("/v2/{}/blobs/{digest}", repository.name()),
            expires_at: end.min(call.registry().now() + LIFETIME),
        };
        let (address, query) =
            (call.api.endpoint.address(&call.registry_id), call.api.identity.link_query(&link));
        let download_url = format!("{address}{}?{query}", link.path);
        Ok(Output { download_url, layer_digest: self.layer_digest })
    }
}
