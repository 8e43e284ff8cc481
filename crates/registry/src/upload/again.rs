//! Ending an upload again: for a client that did not get the answer and repeats its request, be it to
//! this process, to the next one after a kill, or to another replica. How an upload ends at first is
//! in `finish.rs`.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use uuid::Uuid;
use wharf_oci::Digest;
use wharf_policy::Caller;

use super::finish::completed;
use super::row::{self, Held};
use super::{Body, Upload};
use crate::{Error, Registry, Repository, layer};

/// Ends an upload that was ended already, for a client that did not get the answer. False unless it
/// was ended lately with this digest and the repository holds the layer.
pub async fn finish_again<S, E>(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    id: &str,
    digest: &Digest,
    body: Body<S>,
) -> Result<bool, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let Ok(id) = Uuid::try_parse(id) else { return Ok(false) };
    let became = match registry.tickets.layer(id) {
        Some(layer) => Some(layer.to_string()),
        None => row::finished(registry, repository, caller, id).await?.map(|(layer, _)| layer),
    };
    if became.as_deref() != Some(digest.as_str()) {
        return Ok(false);
    }
    let Some(layer) = layer::announce(registry, repository, digest).await? else {
        return Ok(false);
    };
    drain(body.stream, layer.size).await?;
    Ok(true)
}

/// Answers once more as [`complete`] did, for a client that did not get the answer. None unless the
/// upload was ended lately with one of these digests and the repository holds the layer.
pub async fn complete_again(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    id: &str,
    digests: &[String],
) -> Result<Option<Digest>, Error> {
    let Ok(id) = Uuid::try_parse(id) else { return Ok(None) };
    let finished = row::finished(registry, repository, caller, id).await?;
    let Some((digest, ended_at)) = finished.filter(|(digest, _)| digests.contains(digest)) else {
        return Ok(None);
    };
    let digest: Digest = digest.parse().map_err(Error::fault)?;
    let Some(layer) = layer::announce(registry, repository, &digest).await? else {
        return Ok(None);
    };
    // The layer that the upload made is linked since its end.
    completed(repository, digest, layer.linked_at < ended_at).map(Some)
}

/// Reads what a client sends again, or else it may never come to read the answer. The bytes are not
/// compared: they may be all of the layer or its end, and the layer is what its digest says, whatever
/// they are. More than `most` cannot be sent again.
pub(super) async fn drain<S, E>(mut stream: S, most: u64) -> Result<(), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let mut left = most;
    while let Some(frame) = stream.next().await {
        let frame = frame.map_err(|error| Error::BrokenOff(error.to_string()))?;
        left = left.checked_sub(frame.len() as u64).ok_or(Error::InvalidLayer)?;
    }
    Ok(())
}

/// Gives up what an upload has, so that it begins anew under its own id.
pub(super) async fn give_up(registry: &Registry, upload: Upload) -> Result<(), Error> {
    if let Some(row) = Held::of(&upload)
        && !row::delete(registry, row).await?
    {
        return Err(Error::UploadBusy);
    }
    Ok(registry.store.discard(upload.session, Some(&upload.progress.parts)).await?)
}
