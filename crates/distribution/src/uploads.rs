//! `/v2/<name>/blobs/uploads/`: layers on their way in, whole, streamed or in chunks.

use axum::body::Body;
use bytes::Bytes;
use futures_util::Stream;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use wharf_oci::{Algorithm, Digest, RepositoryName};
use wharf_policy::Action;
use wharf_registry::upload::{self, Upload};
use wharf_registry::{Error, Repository, layer};

use crate::answer::range;
use crate::manifests::digest as read;
use crate::range::chunk;
use crate::{Call, Reply, query, ticket};

/// Begins an upload, or ends it at once: by mounting, or with the whole blob in the body.
pub(crate) async fn post(call: &Call, name: &RepositoryName, body: Body) -> Result<Reply, Error> {
    let repository = call.repository(Action::INITIATE_LAYER_UPLOAD, name).await?;
    let asked = call.parts.uri.query();
    if let Some(mount) = query::value(asked, "mount") {
        let (digest, from) = (read(&mount)?, query::value(asked, "from"));
        let from = from.as_deref().filter(|from| !from.is_empty());
        if layer::mount(&call.registry, &call.requester, &repository, &digest, from).await? {
            return Ok(created(name, &digest));
        }
    } else if let Some(digest) = query::value(asked, "digest") {
        call.repository(Action::UPLOAD_LAYER_PART, name).await?;
        call.repository(Action::COMPLETE_LAYER_UPLOAD, name).await?;
        let (digest, body) = (read(&digest)?, announced(call, body));
        upload::monolithic(&call.registry, &repository, &digest, body).await?;
        return Ok(created(name, &digest));
    }
    let algorithm = match query::value(asked, "digest-algorithm") {
        None => Algorithm::Sha256,
        Some(text) => text.parse().map_err(|error: wharf_oci::InvalidAlgorithm| {
            Error::DigestInvalid(error.to_string())
        })?,
    };
    let (begun, ticket) = ticket::begin(call, &repository, algorithm);
    let location = format!("/v2/{name}/blobs/uploads/{}?state={ticket}", begun.id);
    Ok(underway(StatusCode::ACCEPTED, &location, &begun))
}

pub(crate) async fn get(call: &Call, name: &RepositoryName, id: &str) -> Result<Reply, Error> {
    let repository = call.repository(Action::INITIATE_LAYER_UPLOAD, name).await?;
    let (registry, caller) = (&call.registry, call.caller());
    let found = match ticket::read(call, &repository, id) {
        None => upload::look(registry, &repository, caller, id).await?,
        Some(ticket) => upload::look_ticketed(registry, &repository, caller, &ticket).await?,
    };
    Ok(underway(StatusCode::NO_CONTENT, &address(call, name, &found), &found))
}

pub(crate) async fn patch(
    call: &Call,
    name: &RepositoryName,
    id: &str,
    body: Body,
) -> Result<Reply, Error> {
    let repository = call.repository(Action::UPLOAD_LAYER_PART, name).await?;
    let found = find(call, &repository, id).await?;
    let offset = match offset(call, &found)? {
        Place::Here(offset) => offset,
        Place::Elsewhere => return Ok(out_of_order(&address(call, name, &found), &found)),
    };
    let stream = body.into_data_stream();
    let grown = upload::append(&call.registry, &repository, found, offset, stream).await?;
    Ok(underway(StatusCode::ACCEPTED, &address(call, name, &grown), &grown))
}

pub(crate) async fn put(
    call: &Call,
    name: &RepositoryName,
    id: &str,
    body: Body,
) -> Result<Reply, Error> {
    let repository = call.repository(Action::COMPLETE_LAYER_UPLOAD, name).await?;
    let digest = query::value(call.parts.uri.query(), "digest").ok_or_else(|| {
        Error::DigestInvalid(
            "The parameter digest is missing: name the digest of the layer".to_owned(),
        )
    })?;
    let digest = read(&digest)?;
    let body = announced(call, body);
    let found = match find(call, &repository, id).await {
        Ok(found) => found,
        Err(error) => {
            let (registry, caller) = (&call.registry, call.caller());
            let again =
                upload::finish_again(registry, &repository, caller, id, &digest, body).await?;
            return if again { Ok(created(name, &digest)) } else { Err(error) };
        }
    };
    if body.length != Some(0) {
        call.repository(Action::UPLOAD_LAYER_PART, name).await?;
    }
    let offset = match offset(call, &found)? {
        Place::Here(offset) => offset,
        // The last chunk is there, and its client was not told so.
        Place::Elsewhere if found.holds(&digest) => None,
        Place::Elsewhere => return Ok(out_of_order(&address(call, name, &found), &found)),
    };
    upload::finish(&call.registry, &repository, found, &digest, offset, body).await?;
    Ok(created(name, &digest))
}

pub(crate) async fn delete(call: &Call, name: &RepositoryName, id: &str) -> Result<Reply, Error> {
    let repository = call.repository(Action::INITIATE_LAYER_UPLOAD, name).await?;
    let found = find(call, &repository, id).await?;
    upload::cancel(&call.registry, found).await?;
    Ok(Reply::new(StatusCode::NO_CONTENT))
}

async fn find(call: &Call, repository: &Repository, id: &str) -> Result<Upload, Error> {
    let (registry, caller) = (&call.registry, call.caller());
    match ticket::read(call, repository, id) {
        None => upload::find(registry, repository, caller, id).await,
        Some(ticket) => upload::find_ticketed(registry, repository, caller, &ticket).await,
    }
}

/// Where a chunk belongs: behind what is there, or somewhere else.
enum Place {
    Here(Option<u64>),
    Elsewhere,
}

fn offset(call: &Call, upload: &Upload) -> Result<Place, Error> {
    let Some(header) = call.parts.headers.get(CONTENT_RANGE) else { return Ok(Place::Here(None)) };
    let Some((first, length)) = header.to_str().ok().and_then(chunk) else {
        return Ok(Place::Elsewhere);
    };
    if first != upload.received() {
        return Ok(Place::Elsewhere);
    }
    if let Some(announced) = content_length(call).filter(|announced| *announced != length) {
        return Err(Error::LengthsDiffer { named: length, announced });
    }
    Ok(Place::Here(Some(first)))
}

fn content_length(call: &Call) -> Option<u64> {
    call.parts.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body with its announced length. HTTP says that a request which announces neither a length
/// nor a transfer coding has no body.
fn announced(
    call: &Call,
    body: Body,
) -> upload::Body<impl Stream<Item = Result<Bytes, axum::Error>> + Send + Unpin + use<>> {
    let length = http_body::Body::size_hint(&body).exact().or_else(|| content_length(call));
    upload::Body { stream: body.into_data_stream(), length }
}

/// Where the upload goes on: with its ticket as long as there is nothing else to find it by.
fn address(call: &Call, name: &RepositoryName, upload: &Upload) -> String {
    let address = format!("/v2/{name}/blobs/uploads/{}", upload.id);
    match query::value(call.parts.uri.query(), "state") {
        Some(ticket) if !upload.is_stored() => format!("{address}?state={ticket}"),
        _ => address,
    }
}

fn underway(status: StatusCode, location: &str, upload: &Upload) -> Reply {
    Reply::new(status)
        .header("location", location)
        .header("docker-upload-uuid", &upload.id.to_string())
        .header("range", &range(upload.received()))
}

fn created(name: &RepositoryName, digest: &Digest) -> Reply {
    Reply::new(StatusCode::CREATED)
        .header("location", &format!("/v2/{name}/blobs/{digest}"))
        .header("docker-content-digest", digest.as_str())
}

/// 416 with where to go on, so that the client need not ask.
fn out_of_order(location: &str, upload: &Upload) -> Reply {
    let error = Error::RangeInvalid { received: upload.received() };
    Reply::refusal(&error, None).header("location", location)
}
