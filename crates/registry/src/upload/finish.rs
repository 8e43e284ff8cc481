//! How an upload becomes a layer. The order that makes an answer mean durable: bytes written,
//! renamed to a name that is never used again, file and folder flushed, then the row committed,
//! then the answer.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use uuid::Uuid;
use wharf_blobs::Object;
use wharf_db::{Tx, statement, tx};
use wharf_oci::{Algorithm, Digest};

use super::{Body, DELETE, Upload, append, discard, gone, store};
use crate::{Error, Registry, Repository};

/// A whole blob up to this size is taken in one piece, without an upload file.
const SMALL: u64 = 256 * 1024;

statement! {
    LIVE = "SELECT id FROM blobs WHERE digest = $1 AND condemned_at IS NULL";
    INSERT_BLOB = "INSERT INTO blobs (id, digest, size, object) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (digest) WHERE condemned_at IS NULL DO NOTHING";
    IS_LINKED = "SELECT blob_id FROM blob_links WHERE repository_id = $1 AND digest = $2";
    LINK = "INSERT INTO blob_links (repository_id, digest, blob_id, linked_at, used_at)
            VALUES ($1, $2, $3, $4, $4)
            ON CONFLICT (repository_id, digest)
            DO UPDATE SET blob_id = excluded.blob_id, used_at = excluded.used_at";
}

/// Ends an upload: adds the last bytes, compares the digest, makes the layer durable and gives it
/// to the repository. True when the repository held this layer already.
pub async fn finish<S, E>(
    registry: &Registry,
    repository: &Repository,
    upload: Upload,
    digest: &Digest,
    offset: Option<u64>,
    body: Body<S>,
) -> Result<bool, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    if offset.is_some_and(|offset| offset != upload.received) {
        return Err(Error::RangeInvalid { received: upload.received });
    }
    if upload.received == 0 && body.length.is_some_and(|length| length <= SMALL) {
        return whole(registry, repository, Some(upload.id), digest, body).await;
    }
    let upload = match body.length {
        Some(0) => upload,
        _ => append(registry, upload, offset, body.stream).await?,
    };
    seal(registry, repository, upload, |calculated| *calculated == *digest, digest.algorithm())
        .await
}

/// Takes a whole blob from one request, without an upload that could be resumed.
pub async fn monolithic<S, E>(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
    body: Body<S>,
) -> Result<bool, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    if body.length.is_some_and(|length| length <= SMALL) {
        return whole(registry, repository, None, digest, body).await;
    }
    let upload = Upload::new(digest.algorithm());
    let id = upload.id;
    match store(registry, upload, body.stream).await {
        Ok((upload, None)) => {
            let same = |calculated: &Digest| *calculated == *digest;
            seal(registry, repository, upload, same, digest.algorithm()).await
        }
        Ok((_, Some(reason))) => {
            registry.store.discard(id).await?;
            Err(Error::BrokenOff(reason))
        }
        Err(error) => {
            registry.store.discard(id).await?;
            Err(error)
        }
    }
}

/// Ends an upload of the ECR API, which names several digests of which one must be right. Gives
/// the digest that was calculated.
pub async fn complete(
    registry: &Registry,
    repository: &Repository,
    upload: Upload,
    digests: &[String],
) -> Result<Digest, Error> {
    if upload.parts == 0 {
        return Err(Error::EmptyUpload { id: upload.id.to_string() });
    }
    if upload.small_parts > 0 {
        return Err(Error::LayerPartTooSmall);
    }
    let mut calculated = None;
    let named = |digest: &Digest| {
        calculated = Some(digest.clone());
        digests.iter().any(|named| named == digest.as_str())
    };
    let existed = seal(registry, repository, upload, named, Algorithm::Sha256).await?;
    let digest = calculated.ok_or(Error::InvalidLayer)?;
    if existed {
        let (name, account) = (repository.name().clone(), repository.registry().account.clone());
        return Err(Error::LayerAlreadyExists { digest, name, account });
    }
    Ok(digest)
}

async fn whole<S, E>(
    registry: &Registry,
    repository: &Repository,
    upload: Option<Uuid>,
    digest: &Digest,
    body: Body<S>,
) -> Result<bool, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    let bytes = collect(body.stream).await?;
    if body.length != Some(bytes.len() as u64) {
        return Err(Error::BrokenOff("the body ended early".to_owned()));
    }
    if Digest::of(digest.algorithm(), &bytes) != *digest {
        return Err(Error::InvalidLayer);
    }
    if let Some(existed) = link_live(registry, repository, digest, upload).await? {
        return Ok(existed);
    }
    let size = bytes.len() as u64;
    let object = registry.store.place(Uuid::new_v4(), digest, bytes).await?;
    link(registry, repository, digest, size, object, upload).await
}

async fn collect<S, E>(mut stream: S) -> Result<Bytes, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    let mut frames: Vec<Bytes> = Vec::new();
    while let Some(frame) = stream.next().await {
        frames.push(frame.map_err(|error| Error::BrokenOff(error.to_string()))?);
    }
    Ok(match frames.len() {
        1 => frames.remove(0),
        _ => frames.concat().into(),
    })
}

/// Compares the digest and promotes the bytes. A wrong digest ends the upload: what has arrived
/// cannot become right.
async fn seal(
    registry: &Registry,
    repository: &Repository,
    upload: Upload,
    is_right: impl FnOnce(&Digest) -> bool,
    algorithm: Algorithm,
) -> Result<bool, Error> {
    let Upload { id, received, hasher, .. } = upload;
    let calculated = if hasher.algorithm() == algorithm {
        hasher.finish()
    } else {
        // The client named the algorithm only now; the bytes are read once more.
        registry.store.hash(id, received, algorithm).await?
    };
    if !is_right(&calculated) {
        discard(registry, id).await?;
        return Err(Error::InvalidLayer);
    }
    if let Some(existed) = link_live(registry, repository, &calculated, Some(id)).await? {
        registry.store.discard(id).await?;
        return Ok(existed);
    }
    let object = registry.store.promote(id, &calculated, received).await?;
    link(registry, repository, &calculated, received, object, Some(id)).await
}

/// Gives the repository bytes that are in the store already, if they are. Whether the repository
/// held them before; None when the store has no such bytes.
async fn link_live(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
    upload: Option<Uuid>,
) -> Result<Option<bool>, Error> {
    if registry.db.optional::<(String,)>(&LIVE, (digest.as_str(),)).await?.is_none() {
        return Ok(None);
    }
    let now = registry.now();
    let linked = tx!(registry.db, |tx| {
        let live = tx.optional::<(String,)>(&LIVE, (digest.as_str(),)).await?;
        let Some((blob,)) = live else { return Ok(None) };
        registry.changes(tx, repository.id());
        put_link(tx, repository, digest, &blob, now, upload).await.map(Some)
    });
    linked.map_err(|error| gone(error, repository))
}

/// Enters new bytes and gives them to the repository. When another upload of the same digest came
/// first, its bytes are used, and these are deleted.
async fn link(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
    size: u64,
    object: Object,
    upload: Option<Uuid>,
) -> Result<bool, Error> {
    let (id, now) = (Uuid::now_v7().to_string(), registry.now());
    let linked = tx!(registry.db, |tx| {
        let values = (id.as_str(), digest.as_str(), size as i64, object.as_str());
        let is_first = tx.execute(&INSERT_BLOB, values).await? == 1;
        let blob = if is_first {
            id.clone()
        } else {
            let live = tx.optional::<(String,)>(&LIVE, (digest.as_str(),)).await?;
            live.map_or_else(|| id.clone(), |(live,)| live)
        };
        registry.changes(tx, repository.id());
        let existed = put_link(tx, repository, digest, &blob, now, upload).await?;
        Ok((is_first, existed))
    });
    let (is_first, existed) = linked.map_err(|error| gone(error, repository))?;
    if !is_first {
        registry.store.delete(&object).await?;
    }
    Ok(existed)
}

async fn put_link(
    tx: &mut Tx,
    repository: &Repository,
    digest: &Digest,
    blob: &str,
    now: i64,
    upload: Option<Uuid>,
) -> Result<bool, wharf_db::Error> {
    let held = (&**repository.id(), digest.as_str());
    let existed = tx.optional::<(String,)>(&IS_LINKED, held).await?.is_some();
    tx.execute(&LINK, (&**repository.id(), digest.as_str(), blob, now)).await?;
    if let Some(upload) = upload {
        tx.execute(&DELETE, (upload.to_string(),)).await?;
    }
    Ok(existed)
}
