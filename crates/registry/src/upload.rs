//! Uploads: bytes on their way in. An upload belongs to one repository and one principal; its row
//! holds how far it came and the state of the hash, so that it can go on after a restart.
//!
//! The order that makes an answer mean durable: bytes written, renamed to a name that is never
//! used again, file and folder flushed, then the row committed, then the answer.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use uuid::Uuid;
use wharf_blobs::{AppendError, Object};
use wharf_db::{Durability, statement, tx};
use wharf_oci::{Algorithm, Digest, Hasher};
use wharf_policy::Caller;

use crate::{Error, Registry, Repository};

/// ECR's largest layer: 52,000 MiB.
pub const MAX_LAYER: u64 = 52_000 * 1024 * 1024;
/// ECR's most parts of one layer.
pub const MAX_PARTS: i64 = 4_200;
/// Parts of the ECR API, all but the last, must have at least 5 MiB.
pub const MIN_PART: u64 = 5 * 1024 * 1024;
/// A whole blob up to this size is taken in one piece, without an upload file.
const SMALL: u64 = 256 * 1024;

/// An upload under way.
pub struct Upload {
    pub id: Uuid,
    /// Bytes that are there.
    pub received: u64,
    parts: i64,
    small_parts: i64,
    last_part: i64,
    hasher: Hasher,
}

/// Bytes sent along with a request.
pub struct Body<S> {
    pub stream: S,
    /// The announced length in bytes, if one was announced.
    pub length: Option<u64>,
}

statement! {
    INSERT = "INSERT INTO uploads (id, repository_id, principal, received, parts, small_parts,
                  last_part, hasher, boot, created_at, updated_at)
              VALUES ($1, $2, $3, 0, 0, 0, 0, $4, $5, $6, $6)";
    FIND = "SELECT received, parts, small_parts, last_part, hasher, boot FROM uploads
            WHERE id = $1 AND repository_id = $2 AND principal = $3";
    SAVE = "UPDATE uploads SET received = $3, parts = $4, small_parts = $5, last_part = $6,
                hasher = $7, updated_at = $8
            WHERE id = $1 AND received = $2";
    DELETE = "DELETE FROM uploads WHERE id = $1";
    LIVE = "SELECT id FROM blobs WHERE digest = $1 AND condemned_at IS NULL";
    INSERT_BLOB = "INSERT INTO blobs (id, digest, size, object) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (digest) WHERE condemned_at IS NULL DO NOTHING";
    IS_LINKED = "SELECT blob_id FROM blob_links WHERE repository_id = $1 AND digest = $2";
    LINK = "INSERT INTO blob_links (repository_id, digest, blob_id, linked_at, used_at)
            VALUES ($1, $2, $3, $4, $4)
            ON CONFLICT (repository_id, digest)
            DO UPDATE SET blob_id = excluded.blob_id, used_at = excluded.used_at";
}

/// Begins an upload whose digest will be one of `algorithm`, as far as the client has said.
pub async fn begin(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    algorithm: Algorithm,
) -> Result<Upload, Error> {
    let upload = Upload::new(algorithm);
    let (id, boot, now) = (upload.id.to_string(), &*registry.boot, registry.now());
    let inserted = tx!(registry.db, Durability::Process, |tx| {
        let principal = caller.arn.as_str();
        let values = (id.as_str(), &**repository.id(), principal, upload.hasher.save(), boot, now);
        tx.execute(&INSERT, values).await
    });
    inserted.map_err(|error| gone(error, repository))?;
    Ok(upload)
}

/// The upload with this id, if it is one of this repository and this caller.
pub async fn find(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    id: &str,
) -> Result<Upload, Error> {
    let unknown = || Error::UploadNotFound {
        id: id.to_owned(),
        name: repository.name().clone(),
        account: repository.registry().account.clone(),
    };
    let id = Uuid::try_parse(id).map_err(|_| unknown())?;
    let values = (id.to_string(), &**repository.id(), caller.arn.as_str());
    let row = registry
        .db
        .optional::<(i64, i64, i64, i64, Vec<u8>, String)>(&FIND, values)
        .await?
        .ok_or_else(unknown)?;
    let (received, parts, small_parts, last_part, hasher, boot) = row;
    // Bytes that were not flushed did not survive the machine's restart, and the saved hash would
    // not notice: such an upload is given up.
    if received > 0 && *boot != *registry.boot {
        discard(registry, id).await?;
        return Err(unknown());
    }
    let hasher = Hasher::restore(&hasher).map_err(Error::fault)?;
    Ok(Upload { id, received: received as u64, parts, small_parts, last_part, hasher })
}

/// Adds bytes at `offset` (at the end, if none is named). What arrived before a connection broke
/// is kept, and the client may go on from there.
pub async fn append<S, E>(
    registry: &Registry,
    upload: Upload,
    offset: Option<u64>,
    stream: S,
) -> Result<Upload, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    let (upload, broken) = write(registry, upload, offset, stream).await?;
    match broken {
        None => Ok(upload),
        Some(reason) => Err(Error::BrokenOff(reason)),
    }
}

/// Adds one part of the ECR API: its bytes survive power loss before it is answered, since the
/// client will not send them again.
pub async fn append_part(
    registry: &Registry,
    repository: &Repository,
    upload: Upload,
    first_byte: u64,
    bytes: Bytes,
) -> Result<Upload, Error> {
    let id = upload.id.to_string();
    if first_byte != upload.received {
        return Err(Error::InvalidLayerPart {
            id,
            name: repository.name().clone(),
            account: repository.registry().account.clone(),
            last_valid_byte: upload.received.checked_sub(1),
        });
    }
    if upload.parts >= MAX_PARTS {
        return Err(Error::LimitExceeded(format!(
            "The upload with id '{id}' already has the maximum number of layer parts which is '{MAX_PARTS}'"
        )));
    }
    let before = upload.received;
    let mut upload = upload;
    upload.note_part(bytes.len() as u64);
    let stream = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
    let (upload, _) = store(registry, upload, stream).await?;
    registry.store.sync(upload.id).await?;
    save(registry, &upload, before, Durability::Power).await?;
    Ok(upload)
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

/// Gives an upload up.
pub async fn cancel(registry: &Registry, upload: Upload) -> Result<(), Error> {
    discard(registry, upload.id).await
}

impl Upload {
    fn new(algorithm: Algorithm) -> Upload {
        Upload {
            id: Uuid::new_v4(),
            received: 0,
            parts: 0,
            small_parts: 0,
            last_part: 0,
            hasher: Hasher::new(algorithm),
        }
    }

    /// Counts a part; the one before it turns out not to have been the last.
    fn note_part(&mut self, length: u64) {
        if self.parts > 0 && (self.last_part as u64) < MIN_PART {
            self.small_parts += 1;
        }
        self.parts += 1;
        self.last_part = length as i64;
    }
}

/// Writes and saves; tells why the stream broke, if it did.
async fn write<S, E>(
    registry: &Registry,
    upload: Upload,
    offset: Option<u64>,
    stream: S,
) -> Result<(Upload, Option<String>), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    let before = upload.received;
    if offset.is_some_and(|offset| offset != before) {
        return Err(Error::RangeInvalid { received: before });
    }
    let (upload, broken) = store(registry, upload, stream).await?;
    if upload.received > before {
        save(registry, &upload, before, Durability::Process).await?;
    }
    Ok((upload, broken))
}

/// Writes the bytes to the store.
async fn store<S, E>(
    registry: &Registry,
    mut upload: Upload,
    stream: S,
) -> Result<(Upload, Option<String>), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    let hasher = std::mem::replace(&mut upload.hasher, Hasher::new(Algorithm::Sha256));
    let appended =
        registry.store.append(upload.id, upload.received, hasher, stream, MAX_LAYER).await;
    let (appended, broken) = match appended {
        Ok(appended) => (appended, None),
        Err(AppendError::Stream { source, appended }) => (*appended, Some(source.to_string())),
        Err(AppendError::Busy) => return Err(Error::UploadBusy),
        Err(AppendError::TooLarge { .. }) => {
            return Err(Error::LimitExceeded(
                "The layer exceeds the maximum allowed layer size which is '52000' MiB".to_owned(),
            ));
        }
        Err(AppendError::Store(error)) => return Err(error.into()),
    };
    upload.hasher = appended.hasher;
    upload.received = appended.received;
    Ok((upload, broken))
}

async fn save(
    registry: &Registry,
    upload: &Upload,
    before: u64,
    durability: Durability,
) -> Result<(), Error> {
    let (id, hasher, now) = (upload.id.to_string(), upload.hasher.save(), registry.now());
    let saved = tx!(registry.db, durability, |tx| {
        let Upload { received, parts, small_parts, last_part, .. } = upload;
        let (before, received) = (before as i64, *received as i64);
        let counts = (*parts, *small_parts, *last_part);
        let values =
            (id.as_str(), before, received, counts.0, counts.1, counts.2, hasher.as_slice(), now);
        Ok::<_, Error>(tx.execute(&SAVE, values).await?)
    })?;
    // Cancelled, or moved on by another replica: then these bytes are no longer the upload's.
    if saved == 0 { Err(Error::UploadBusy) } else { Ok(()) }
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
        let existed = put_link(tx, repository, digest, &blob, now, upload).await?;
        Ok(Some(existed))
    });
    let linked = linked.map_err(|error| gone(error, repository))?;
    registry.changed(repository.id());
    Ok(linked)
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
        let existed = put_link(tx, repository, digest, &blob, now, upload).await?;
        Ok((is_first, existed))
    });
    let (is_first, existed) = linked.map_err(|error| gone(error, repository))?;
    registry.changed(repository.id());
    if !is_first {
        registry.store.delete(&object).await?;
    }
    Ok(existed)
}

async fn put_link(
    tx: &mut wharf_db::Tx,
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

async fn discard(registry: &Registry, id: Uuid) -> Result<(), Error> {
    tx!(registry.db, Durability::Process, |tx| {
        tx.execute(&DELETE, (id.to_string(),)).await.map_err(Error::from)
    })?;
    Ok(registry.store.discard(id).await?)
}

/// A repository that was deleted while something was on its way to it.
fn gone(error: wharf_db::Error, repository: &Repository) -> Error {
    if error.is_foreign_key_violation() { repository.not_found() } else { error.into() }
}
