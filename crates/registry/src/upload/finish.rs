//! How an upload becomes a layer. The order that makes an answer mean durable: bytes written,
//! renamed to a name that is never used again, file and folder flushed, then the row committed,
//! then the answer. Few bytes go into the row itself: one flush instead of three.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use uuid::Uuid;
use wharf_blobs::{End, Object, Parts, Progress};
use wharf_db::{statement, tx};
use wharf_oci::Digest;

use super::again::{drain, give_up};
use super::row::{Held, Refused};
use super::{Body, Upload, discard, row, store, unknown, write};
use crate::{Error, Registry, Repository, layer};

/// A whole blob up to this size, in bytes, is taken in one piece, without an upload file.
const WHOLE: u64 = 256 * 1024;
/// A blob up to this size, in bytes, is kept in its row: configs, signatures, small layers. On S3 the
/// row of its upload holds it up to the same size, so that it never becomes an object.
const INLINE: u64 = wharf_blobs::FEW;

/// Where the bytes of a new blob are.
enum Landed {
    Inline(Bytes),
    Stored(Object),
}

/// Whether the bytes of a digest are there already.
enum Live {
    None,
    /// They are: in this object, or in the row.
    There(Option<Object>),
    /// They are, and the repository holds them now.
    Linked,
    /// There is a row, but the object is gone from the store: these bytes are to heal it.
    Lost(Object),
}

statement! {
    LIVE = "SELECT object, size FROM blobs WHERE digest = $1 AND condemned_at IS NULL";
    HEAL = "UPDATE blobs SET object = $2, content = $4
            WHERE digest = $1 AND condemned_at IS NULL AND object = $3";
    INSERT_BLOB = "INSERT INTO blobs (id, digest, size, object, content) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (digest) WHERE condemned_at IS NULL DO NOTHING";
    LINK = "INSERT INTO blob_links (repository_id, digest, blob_id, linked_at, used_at)
            SELECT $1, b.digest, b.id, $3, $3 FROM blobs b
            WHERE b.digest = $2 AND b.condemned_at IS NULL
            ON CONFLICT (repository_id, digest)
            DO UPDATE SET blob_id = excluded.blob_id, used_at = excluded.used_at";
    LINK_SEEN = "INSERT INTO blob_links (repository_id, digest, blob_id, linked_at, used_at)
                 SELECT $1, b.digest, b.id, $3, $3 FROM blobs b
                 WHERE b.digest = $2 AND b.condemned_at IS NULL AND COALESCE(b.object, '') = $4
                 ON CONFLICT (repository_id, digest)
                 DO UPDATE SET blob_id = excluded.blob_id, used_at = excluded.used_at";
}

/// Ends an upload: adds the last bytes, compares the digest, makes the layer durable and gives it
/// to the repository.
pub async fn finish<S, E>(
    registry: &Registry,
    repository: &Repository,
    upload: Upload,
    digest: &Digest,
    offset: Option<u64>,
    body: Body<S>,
) -> Result<(), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    let received = upload.received();
    if offset.is_some_and(|offset| offset != received) {
        return Err(Error::RangeInvalid { received });
    }
    if upload.holds(digest) {
        drain(body.stream, received).await?;
        return land(registry, repository, &upload, digest).await;
    }
    let mut upload = upload;
    if received == 0 && body.length == Some(0) && is_held(registry, repository, digest).await? {
        // Ended before, by a process that is gone, and its client did not get the answer.
        return discard(registry, &upload).await;
    }
    if received == 0 && body.length.is_some_and(|length| length <= WHOLE) {
        return at_once(registry, repository, &upload, digest, body).await;
    }
    if received == 0 {
        // The algorithm is known before the first byte.
        upload.progress = Progress::new(digest.algorithm());
    }
    let upload = match body.length {
        Some(0) => upload,
        _ => match write(registry, repository, upload, offset, body.stream, End::Last).await? {
            (upload, None) => upload,
            (upload, Some(reason)) => {
                if received == 0 {
                    // All was to come with this request, and is sent again as it was.
                    give_up(registry, upload).await?;
                }
                return Err(Error::BrokenOff(reason));
            }
        },
    };
    seal(registry, repository, upload, digest).await
}

async fn is_held(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
) -> Result<bool, Error> {
    Ok(layer::announce(registry, repository, digest).await?.is_some())
}

/// Ends an upload whose bytes all come with the request that ends it.
async fn at_once<S, E>(
    registry: &Registry,
    repository: &Repository,
    upload: &Upload,
    digest: &Digest,
    body: Body<S>,
) -> Result<(), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    let row = Held::of(upload);
    match whole(registry, repository, row, digest, body).await {
        Ok(()) => registry.tickets.end(upload.id, Some(digest.clone())),
        Err(Error::InvalidLayer) => {
            discard(registry, upload).await?;
            return Err(Error::InvalidLayer);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Takes a whole blob from one request, without an upload that could be resumed.
pub async fn monolithic<S, E>(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
    body: Body<S>,
) -> Result<(), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    if body.length.is_some_and(|length| length <= WHOLE) {
        return whole(registry, repository, None, digest, body).await;
    }
    let upload = Upload::fresh(registry, Uuid::new_v4(), String::new(), digest.algorithm());
    let session = upload.session;
    let error = match store(registry, upload, body.stream, End::Last).await {
        Ok((upload, None)) => return seal(registry, repository, upload, digest).await,
        Ok((upload, Some(reason))) => {
            discard(registry, &upload).await?;
            return Err(Error::BrokenOff(reason));
        }
        Err(error) => error,
    };
    registry.store.discard(session, None).await?;
    Err(error)
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
    let digest = upload.progress.hasher.clone().finish();
    if !digests.iter().any(|named| named == digest.as_str()) {
        discard(registry, &upload).await?;
        return Err(Error::InvalidLayer);
    }
    let existed = layer::find(registry, repository, &digest).await?.is_some();
    land(registry, repository, &upload, &digest).await?;
    completed(repository, digest, existed)
}

/// What the client of the ECR API is told once its layer is there.
pub(super) fn completed(
    repository: &Repository,
    digest: Digest,
    existed: bool,
) -> Result<Digest, Error> {
    if existed {
        let (name, account) = (repository.name().clone(), repository.registry().account.clone());
        return Err(Error::LayerAlreadyExists { digest, name, account });
    }
    Ok(digest)
}

/// Takes a blob that is small enough to be held in memory.
async fn whole<S, E>(
    registry: &Registry,
    repository: &Repository,
    row: Option<Held<'_>>,
    digest: &Digest,
    body: Body<S>,
) -> Result<(), Error>
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
    let size = bytes.len() as u64;
    if size <= INLINE {
        return link(registry, repository, digest, size, Landed::Inline(bytes), row).await;
    }
    if matches!(link_live(registry, repository, digest, row).await?, Live::Linked) {
        return Ok(());
    }
    let object = registry.store.name(Uuid::new_v4(), &Parts::default(), digest);
    let _landing = registry.landing.object(&object);
    registry.store.place(&object, bytes).await?;
    link(registry, repository, digest, size, Landed::Stored(object), row).await
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

/// Compares the digest and lands the bytes. A wrong digest ends the upload: what has arrived
/// cannot become right.
async fn seal(
    registry: &Registry,
    repository: &Repository,
    mut upload: Upload,
    digest: &Digest,
) -> Result<(), Error> {
    let hasher = &upload.progress.hasher;
    let calculated = if hasher.algorithm() == digest.algorithm() {
        hasher.clone().finish()
    } else {
        // The client named the algorithm only now; the bytes are read once more.
        let (session, progress) = (upload.session, &mut upload.progress);
        registry.store.hash(session, progress, digest.algorithm()).await?
    };
    if calculated != *digest {
        discard(registry, &upload).await?;
        return Err(Error::InvalidLayer);
    }
    land(registry, repository, &upload, digest).await
}

/// Makes the bytes of an upload, whose digest is right, a layer of the repository.
async fn land(
    registry: &Registry,
    repository: &Repository,
    upload: &Upload,
    digest: &Digest,
) -> Result<(), Error> {
    let (id, session, size) = (upload.id, upload.session, upload.received());
    let parts = Some(&upload.progress.parts);
    let row = Held::of(upload);
    registry.tickets.end(id, Some(digest.clone()));
    if matches!(link_live(registry, repository, digest, row).await?, Live::Linked) {
        return Ok(registry.store.discard(session, parts).await?);
    }
    if size > INLINE {
        let object = registry.store.name(session, &upload.progress.parts, digest);
        let _landing = registry.landing.object(&object);
        let promoted = registry.store.promote(session, &upload.progress, &object).await;
        promoted.map_err(|error| bytes_gone(error, repository, id))?;
        return link(registry, repository, digest, size, Landed::Stored(object), row).await;
    }
    let bytes = registry.store.uploaded(session, &upload.progress).await;
    let bytes = bytes.map_err(|error| bytes_gone(error, repository, id))?;
    // They were hashed on their way to the store, and nothing vouches for the way back.
    if Digest::of(digest.algorithm(), &bytes) != *digest {
        return Err(Error::fault(std::io::Error::other("an upload's bytes changed in the store")));
    }
    link(registry, repository, digest, size, Landed::Inline(bytes), row).await?;
    Ok(registry.store.discard(session, parts).await?)
}

/// An upload whose bytes are gone was ended by another request.
fn bytes_gone(error: wharf_blobs::Error, repository: &Repository, id: Uuid) -> Error {
    match error {
        wharf_blobs::Error::Missing => unknown(repository, &id.to_string()),
        other => other.into(),
    }
}

/// What is there of a digest, by its row and by the store.
async fn live(registry: &Registry, digest: &Digest) -> Result<Live, Error> {
    let live = registry.db.optional::<(Option<String>, i64)>(&LIVE, (digest.as_str(),)).await?;
    let (object, size) = match live {
        None => return Ok(Live::None),
        Some((None, _)) => return Ok(Live::There(None)),
        Some((Some(object), size)) => (object.parse().map_err(Error::fault)?, size as u64),
    };
    let is_there = registry.store.exists(&object, size).await?;
    Ok(if is_there { Live::There(Some(object)) } else { Live::Lost(object) })
}

/// Gives the repository bytes that are in the store already, if they are. Only the very object that
/// was seen there: what a check has put aside since is lost, and the upload's bytes are to heal it.
async fn link_live(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
    row: Option<Held<'_>>,
) -> Result<Live, Error> {
    let seen = match live(registry, digest).await? {
        Live::There(object) => object,
        other => return Ok(other),
    };
    let seen = seen.as_ref().map_or("", Object::as_str);
    let now = registry.now();
    let linked = tx!(registry.db, |tx| {
        let values = (&**repository.id(), digest.as_str(), now, seen);
        let linked = tx.execute(&LINK_SEEN, values).await? == 1;
        row::end(tx, row.filter(|_| linked), digest, now).await?;
        Ok(linked)
    });
    let linked = linked.map_err(|refused: Refused| refused.told(repository))?;
    Ok(if linked { Live::Linked } else { Live::None })
}

/// Enters new bytes and gives them to the repository. When another upload of the same digest came
/// first, its bytes are used, and these are deleted; unless those of the other are lost, which these
/// heal.
async fn link(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
    size: u64,
    landed: Landed,
    row: Option<Held<'_>>,
) -> Result<(), Error> {
    let (id, now) = (Uuid::now_v7().to_string(), registry.now());
    let linked = tx!(registry.db, |tx| {
        let (object, content) = landed.columns();
        let values = (id.as_str(), digest.as_str(), size as i64, object, content);
        let is_used = tx.execute(&INSERT_BLOB, values).await? == 1;
        tx.execute(&LINK, (&**repository.id(), digest.as_str(), now)).await?;
        row::end(tx, row, digest, now).await?;
        Ok(is_used)
    });
    let is_used = linked.map_err(|refused: Refused| refused.told(repository))?
        || match live(registry, digest).await? {
            Live::Lost(lost) => heal(registry, digest, &landed, &lost).await?,
            _ => false,
        };
    if let (false, Landed::Stored(object)) = (is_used, landed) {
        registry.store.delete(&object).await?;
    }
    Ok(())
}

impl Landed {
    /// The columns `object` and `content`.
    fn columns(&self) -> (Option<&str>, Option<Vec<u8>>) {
        match self {
            Landed::Inline(bytes) => (None, Some(bytes.to_vec())),
            Landed::Stored(object) => (Some(object.as_str()), None),
        }
    }
}

/// Puts the new bytes where the lost ones should be, for every repository that holds them. False
/// when another was first.
async fn heal(
    registry: &Registry,
    digest: &Digest,
    landed: &Landed,
    lost: &Object,
) -> Result<bool, Error> {
    let healed = tx!(registry.db, |tx| {
        let (object, content) = landed.columns();
        let values = (digest.as_str(), object, lost.as_str(), content);
        let healed = tx.execute(&HEAL, values).await? == 1;
        registry.changes_all(tx);
        Ok::<_, wharf_db::Error>(healed)
    })?;
    if healed {
        tracing::info!(%digest, "a push healed the bytes of a layer");
    }
    Ok(healed)
}
