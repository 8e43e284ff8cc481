//! Uploads: bytes on their way in. An upload belongs to one repository and one principal; its row
//! holds how far it came and the state of the hash, so that it can go on after a restart. How an
//! upload becomes a layer is in `upload/finish.rs`.

mod finish;
mod tickets;
mod turns;

pub use finish::{complete, finish, monolithic};
pub(crate) use tickets::Tickets;
pub use tickets::{
    TICKET_LIFETIME, Ticket, find_ticketed, issuer, look_ticketed, ticketed, was_finished,
};
pub(crate) use turns::{Turn, Turns};

use bytes::Bytes;
use futures_util::Stream;
use uuid::Uuid;
use wharf_blobs::AppendError;
use wharf_db::{Durability, statement, tx};
use wharf_oci::{Algorithm, Hasher};
use wharf_policy::Caller;

use crate::{Error, Registry, Repository};

/// ECR's largest layer: 52,000 MiB.
pub const MAX_LAYER: u64 = 52_000 * 1024 * 1024;
/// ECR's most parts of one layer.
pub const MAX_PARTS: i64 = 4_200;
/// Parts of the ECR API, all but the last, must have at least 5 MiB.
pub const MIN_PART: u64 = 5 * 1024 * 1024;
/// An upload under way.
pub struct Upload {
    pub id: Uuid,
    /// Bytes that are there.
    pub received: u64,
    principal: String,
    parts: i64,
    small_parts: i64,
    last_part: i64,
    hasher: Hasher,
    /// Whether it has a row. One without bytes needs none: a ticket says all that is to be known.
    is_stored: bool,
    /// Held from reading the state to recording the next one; None for a mere look.
    turn: Option<Turn>,
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
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (id) DO NOTHING";
    FIND = "SELECT received, parts, small_parts, last_part, hasher, boot FROM uploads
            WHERE id = $1 AND repository_id = $2 AND principal = $3";
    SAVE = "UPDATE uploads SET received = $3, parts = $4, small_parts = $5, last_part = $6,
                hasher = $7, updated_at = $8
            WHERE id = $1 AND received = $2";
    DELETE = "DELETE FROM uploads WHERE id = $1";
}

/// Begins an upload that the caller can find by its id alone.
pub async fn begin(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    algorithm: Algorithm,
) -> Result<Upload, Error> {
    let mut upload = Upload::fresh(Uuid::new_v4(), caller.arn.to_string(), algorithm);
    save(registry, repository, &mut upload, 0, Durability::Process).await?;
    Ok(upload)
}

/// The upload with this id, if it is one of this repository and this caller, for as long as the
/// value lives: other requests on it wait, and are refused as busy when that takes long.
pub async fn find(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    id: &str,
) -> Result<Upload, Error> {
    let uuid = Uuid::try_parse(id).map_err(|_| unknown(repository, id))?;
    in_turn(registry, uuid, look(registry, repository, caller, id)).await
}

/// Looks once the turn has come, and keeps the turn.
async fn in_turn(
    registry: &Registry,
    id: Uuid,
    look: impl Future<Output = Result<Upload, Error>>,
) -> Result<Upload, Error> {
    let turn = registry.turns.take(id).await.ok_or(Error::UploadBusy)?;
    Ok(Upload { turn: Some(turn), ..look.await? })
}

/// The state of the upload with this id, as it was last recorded; nothing can be done with it.
pub async fn look(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    id: &str,
) -> Result<Upload, Error> {
    let unknown = || unknown(repository, id);
    let id = Uuid::try_parse(id).map_err(|_| unknown())?;
    let values = (id.to_string(), &**repository.id(), &*caller.arn);
    let row = registry
        .db
        .optional::<(i64, i64, i64, i64, Vec<u8>, String)>(&FIND, values)
        .await?
        .ok_or_else(unknown)?;
    let (received, parts, small_parts, last_part, hasher, boot) = row;
    // Bytes that were not flushed did not survive the machine's restart, and the saved hash would
    // not notice: such an upload is given up.
    if received > 0 && *boot != *registry.boot {
        delete(registry, id).await?;
        return Err(unknown());
    }
    Ok(Upload {
        id,
        received: received as u64,
        principal: caller.arn.to_string(),
        parts,
        small_parts,
        last_part,
        hasher: Hasher::restore(&hasher).map_err(Error::fault)?,
        is_stored: true,
        turn: None,
    })
}

/// Adds bytes at `offset` (at the end, if none is named). What arrived before a connection broke
/// is kept, and the client may go on from there.
pub async fn append<S, E>(
    registry: &Registry,
    repository: &Repository,
    upload: Upload,
    offset: Option<u64>,
    stream: S,
) -> Result<Upload, Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    let (upload, broken) = write(registry, repository, upload, offset, stream).await?;
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
    let (mut upload, _) = store(registry, upload, stream).await?;
    registry.store.sync(upload.id).await?;
    save(registry, repository, &mut upload, before, Durability::Power).await?;
    Ok(upload)
}

/// Gives an upload up.
pub async fn cancel(registry: &Registry, upload: Upload) -> Result<(), Error> {
    discard(registry, &upload).await
}

impl Upload {
    fn fresh(id: Uuid, principal: String, algorithm: Algorithm) -> Upload {
        Upload {
            id,
            received: 0,
            principal,
            parts: 0,
            small_parts: 0,
            last_part: 0,
            hasher: Hasher::new(algorithm),
            is_stored: false,
            turn: None,
        }
    }

    /// Whether it can be found by its id alone; otherwise its ticket must be kept.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.is_stored
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
    repository: &Repository,
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
    let (mut upload, broken) = store(registry, upload, stream).await?;
    if upload.received > before {
        save(registry, repository, &mut upload, before, Durability::Process).await?;
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

/// Writes the row, for the first time or anew.
async fn save(
    registry: &Registry,
    repository: &Repository,
    upload: &mut Upload,
    before: u64,
    durability: Durability,
) -> Result<(), Error> {
    if !upload.is_stored && registry.tickets.is_ended(upload.id) {
        // Ended by another request while these bytes were on their way.
        registry.store.discard(upload.id).await?;
        return Err(Error::UploadBusy);
    }
    let (id, hasher, now) = (upload.id.to_string(), upload.hasher.save(), registry.now());
    let Upload { received, parts, small_parts, last_part, is_stored, .. } = *upload;
    let (before, received) = (before as i64, received as i64);
    let (repository_id, principal) = (&**repository.id(), upload.principal.as_str());
    let (id, hasher, boot) = (id.as_str(), hasher.as_slice(), &*registry.boot);
    let saved = tx!(registry.db, durability, |tx| {
        if is_stored {
            let values = (id, before, received, parts, small_parts, last_part, hasher, now);
            return tx.execute(&SAVE, values).await;
        }
        let counts = (parts, small_parts, last_part);
        let values = (
            id,
            repository_id,
            principal,
            received,
            counts.0,
            counts.1,
            counts.2,
            hasher,
            boot,
            now,
        );
        tx.execute(&INSERT, values).await
    });
    // Cancelled, or moved on by another request: then these bytes are no longer the upload's.
    if saved.map_err(|error| gone(error, repository))? == 0 {
        return Err(Error::UploadBusy);
    }
    registry.tickets.store(upload.id);
    upload.is_stored = true;
    Ok(())
}

async fn discard(registry: &Registry, upload: &Upload) -> Result<(), Error> {
    registry.tickets.end(upload.id, None);
    if upload.is_stored {
        return delete(registry, upload.id).await;
    }
    Ok(registry.store.discard(upload.id).await?)
}

/// The row first, the bytes last: a crash in between leaves only garbage for the sweep.
async fn delete(registry: &Registry, id: Uuid) -> Result<(), Error> {
    tx!(registry.db, Durability::Process, |tx| {
        tx.execute(&DELETE, (id.to_string(),)).await.map_err(Error::from)
    })?;
    Ok(registry.store.discard(id).await?)
}

fn unknown(repository: &Repository, id: &str) -> Error {
    Error::UploadNotFound {
        id: id.to_owned(),
        name: repository.name().clone(),
        account: repository.registry().account.clone(),
    }
}

/// A repository that was deleted while something was on its way to it.
fn gone(error: wharf_db::Error, repository: &Repository) -> Error {
    if error.is_foreign_key_violation() { repository.not_found() } else { error.into() }
}
