//! `/v2/<name>/manifests/<reference>`: pull, push and delete.

use std::iter;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use wharf_oci::{Digest, MAX_MANIFEST_BYTES, Reference, RepositoryName, Tag};
use wharf_policy::{Action, Facts};
use wharf_registry::image::{self, Kept, Which};
use wharf_registry::push::{self, Push};
use wharf_registry::{Error, pull, tag};

use crate::{Call, Reply, query};

/// How many `tag` parameters one push may have.
const MAX_TAGS: usize = 100;

pub(crate) async fn get(
    call: &Call,
    name: &RepositoryName,
    reference: &str,
) -> Result<Reply, Error> {
    let facts = [facts(reference)];
    let repository = call.repository_with(Action::BATCH_GET_IMAGE, name, &facts).await?;
    let reference = match read(reference) {
        // A tag that cannot be set is not there.
        Err(Error::TagInvalid(_)) => return Err(Error::ManifestUnknown),
        other => other?,
    };
    let stored = match pull::manifest(&call.registry, &repository, &reference).await {
        // Told as absent to who may be about to push it, which heals it.
        Err(Error::Damaged { .. }) if call.parts.method == Method::HEAD => None,
        found => found?,
    };
    let stored = stored.ok_or(Error::ManifestUnknown)?;
    if call.parts.method == Method::GET {
        call.registry.pulled(&repository, &stored.digest);
    }
    Ok(Reply::new(StatusCode::OK)
        .bytes(&stored.media_type, stored.bytes.clone())
        .header("docker-content-digest", stored.digest.as_str()))
}

pub(crate) async fn put(
    call: &Call,
    name: &RepositoryName,
    reference: &str,
    body: Body,
) -> Result<Reply, Error> {
    let more = query::values(call.parts.uri.query(), "tag");
    let facts: Vec<Facts> = iter::once(facts(reference))
        .chain(more.map(|tag| image::facts(Some(&tag), None)))
        .take(MAX_TAGS + 1)
        .collect();
    let repository = call.repository_with(Action::PUT_IMAGE, name, &facts).await?;
    let (digest, mut tags) = match read(reference)? {
        Reference::Digest(digest) => (Some(digest), Vec::new()),
        Reference::Tag(tag) => (None, vec![tag]),
    };
    let more = tag_parameters(call)?;
    tags.extend(more.iter().cloned());
    let bytes = collect(call, body).await?;
    let media_type = call.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let push = Push { bytes, media_type, digest: digest.as_ref(), tags: &tags };
    let pushed = push::manifest(&call.registry, &repository, push).await?;
    let mut reply = Reply::new(StatusCode::CREATED)
        .header("location", &format!("/v2/{name}/manifests/{}", pushed.digest))
        .header("docker-content-digest", pushed.digest.as_str());
    if let Some(subject) = &pushed.subject {
        reply = reply.header("oci-subject", subject.as_str());
    }
    for tag in &more {
        reply = reply.also("oci-tag", tag.as_str());
    }
    Ok(reply)
}

/// By digest the image goes with all its tags, by tag the tag alone.
pub(crate) async fn delete(
    call: &Call,
    name: &RepositoryName,
    reference: &str,
) -> Result<Reply, Error> {
    let facts = [facts(reference)];
    let repository = call.repository_with(Action::BATCH_DELETE_IMAGE, name, &facts).await?;
    match read(reference)? {
        Reference::Tag(tag) => {
            if !tag::delete(&call.registry, &repository, &tag).await? {
                return Err(Error::ManifestUnknown);
            }
        }
        Reference::Digest(digest) => {
            call.registry.authorise_deletion(&call.requester, &repository, &digest).await?;
            let which = [Which::Digest(digest)];
            for outcome in image::delete(&call.registry, &repository, &which).await? {
                outcome.map_err(|kept| match kept {
                    Kept::Referenced(parents) => Error::ImageReferenced { parents },
                    Kept::NotFound | Kept::TagIsOnAnotherImage => Error::ManifestUnknown,
                })?;
            }
        }
    }
    Ok(Reply::new(StatusCode::ACCEPTED))
}

/// What conditions can ask of a reference: a digest has a colon, a tag never.
fn facts(reference: &str) -> Facts {
    match reference.contains(':') {
        true => image::facts(None, Some(reference)),
        false => image::facts(Some(reference), None),
    }
}

fn read(reference: &str) -> Result<Reference, Error> {
    reference.parse().map_err(|error| match error {
        wharf_oci::InvalidReference::Digest(error) => Error::DigestInvalid(error.to_string()),
        wharf_oci::InvalidReference::Tag(error) => Error::TagInvalid(error.to_string()),
    })
}

/// The `tag` parameters of a push, from the specification's development branch.
fn tag_parameters(call: &Call) -> Result<Vec<Tag>, Error> {
    let tags = query::values(call.parts.uri.query(), "tag")
        .map(|text| text.parse::<Tag>().map_err(|error| Error::TagInvalid(error.to_string())))
        .collect::<Result<Vec<Tag>, Error>>()?;
    if tags.len() > MAX_TAGS {
        return Err(Error::TagInvalid(format!("A push can set at most {MAX_TAGS} tags")));
    }
    Ok(tags)
}

/// The body, cut off while it is read, not after.
async fn collect(call: &Call, body: Body) -> Result<Bytes, Error> {
    let announced = call.parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced: Option<u64> = announced.and_then(|text| text.parse().ok());
    if announced.is_some_and(|length| length > MAX_MANIFEST_BYTES as u64) {
        return Err(Error::ManifestTooLarge);
    }
    match Limited::new(body, MAX_MANIFEST_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::ManifestTooLarge),
        Err(error) => Err(Error::BrokenOff(error.to_string())),
    }
}

/// Reads a digest out of a path or a query.
pub(crate) fn digest(text: &str) -> Result<Digest, Error> {
    text.parse().map_err(|error: wharf_oci::InvalidDigest| Error::DigestInvalid(error.to_string()))
}
