//! `/v2/<name>/blobs/<digest>`: layers and configs, whole or in part.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use http::StatusCode;
use http::header::RANGE;
use wharf_oci::{Digest, RepositoryName};
use wharf_policy::Action;
use wharf_registry::layer::{self, Layer, Source};
use wharf_registry::{Error, Repository};

use crate::manifests::digest as read;
use crate::range::{Asked, asked};
use crate::{Call, Reply};

const OCTETS: &str = "application/octet-stream";

/// A way to send a part of a file without copying it through the process. The listener puts one
/// into the request's extensions where the connection has it.
#[derive(Clone)]
pub struct SendFile(pub Arc<dyn Fn(Arc<File>, Range<u64>) -> Body + Send + Sync>);

/// Either right will do: whoever may read a layer may know that it is there.
pub(crate) async fn head(call: &Call, name: &RepositoryName, text: &str) -> Result<Reply, Error> {
    let actions = [Action::BATCH_CHECK_LAYER_AVAILABILITY, Action::GET_DOWNLOAD_URL_FOR_LAYER];
    call.registry.admit(&call.requester, actions[0])?;
    let repository = call
        .registry
        .repository_for_either(&call.requester, actions, &call.id, name.as_str())
        .await?;
    let digest = read(text)?;
    let found = layer::announce(&call.registry, &repository, &digest).await?;
    let found = found.ok_or_else(|| unknown(&repository, &digest))?;
    let reply = described(Reply::new(StatusCode::OK), &digest);
    Ok(reply.body(OCTETS, found.size, Body::empty()))
}

pub(crate) async fn get(call: &Call, name: &RepositoryName, text: &str) -> Result<Reply, Error> {
    let repository = call.repository(Action::GET_DOWNLOAD_URL_FOR_LAYER, name).await?;
    let digest = read(text)?;
    let found = layer::find(&call.registry, &repository, &digest).await?;
    let found = found.ok_or_else(|| unknown(&repository, &digest))?;
    if let Some(address) = layer::address(&call.registry, &found).await? {
        let reply = described(Reply::new(StatusCode::TEMPORARY_REDIRECT), &digest);
        return Ok(reply.header("location", &address));
    }
    let header = call.parts.headers.get(RANGE).and_then(|value| value.to_str().ok());
    let size = found.size;
    match asked(header, size) {
        Asked::Whole => {
            let body = body(call, &found, 0..size).await?;
            Ok(described(Reply::new(StatusCode::OK), &digest).body(OCTETS, size, body))
        }
        Asked::Part(part) => {
            let span = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            let body = body(call, &found, part.clone()).await?;
            Ok(described(Reply::new(StatusCode::PARTIAL_CONTENT), &digest)
                .body(OCTETS, part.end - part.start, body)
                .header("content-range", &span))
        }
        Asked::Unsatisfiable => Ok(Reply::error_of(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "SIZE_INVALID",
            &format!("The layer has {size} bytes; the range lies outside"),
        )
        .header("content-range", &format!("bytes */{size}"))),
    }
}

pub(crate) async fn delete(call: &Call, name: &RepositoryName, text: &str) -> Result<Reply, Error> {
    let repository = call.repository(Action::BATCH_DELETE_IMAGE, name).await?;
    layer::delete(&call.registry, &repository, &read(text)?).await?;
    Ok(Reply::new(StatusCode::ACCEPTED))
}

/// The cheapest way there is: small ones from memory, files by the kernel, the rest in pieces.
async fn body(call: &Call, layer: &Layer, part: Range<u64>) -> Result<Body, Error> {
    let content = match layer::open(&call.registry, layer).await? {
        Source::Memory(bytes) => {
            return Ok(Body::from(bytes.slice(part.start as usize..part.end as usize)));
        }
        Source::Store(content) => content,
    };
    if part == (0..content.size)
        && let Some(bytes) = content.small().map_err(Error::fault)?
    {
        return Ok(Body::from(bytes));
    }
    if let (Some(file), Some(send)) = (content.file(), call.parts.extensions.get::<SendFile>()) {
        return Ok((send.0)(file, part));
    }
    Ok(Body::from_stream(layer::read(layer, &content, part).await?))
}

fn described(reply: Reply, digest: &Digest) -> Reply {
    reply.header("docker-content-digest", digest.as_str()).header("accept-ranges", "bytes")
}

fn unknown(repository: &Repository, digest: &Digest) -> Error {
    Error::LayerNotFound {
        digest: digest.clone(),
        name: repository.name().clone(),
        account: repository.registry().account.clone(),
    }
}
