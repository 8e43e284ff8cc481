//! Uploads: bytes on their way in. An upload belongs to one repository and one principal; its row
//! holds how far it came and the state of the hash, so that it can go on after a restart. How an
//! upload becomes a layer is in `upload/finish.rs`.

mod again;
mod finish;
mod row;
mod tickets;
mod turns;

pub use again::{complete_again, finish_again};
pub use finish::{complete, finish, monolithic};
use row::Held;
pub(crate) use tickets::Tickets;
pub use tickets::{TICKET_LIFETIME, Ticket, find_ticketed, issuer, look_ticketed, ticketed};
use turns::LEASE;
pub(crate) use turns::{Turn, Turns};

use bytes::Bytes;
use futures_util::Stream;
use uuid::Uuid;
use wharf_blobs::{AppendError, End, Progress};
use wharf_db::Durability;
use wharf_oci::{Algorithm, Digest};
use wharf_policy::Caller;

use crate::landing::Underway;
use crate::{Error, Registry, Repository};

/// Parts of the ECR API, all but the last, must have at least 5 MiB.
pub const MIN_PART: u64 = 5 * 1024 * 1024;

/// An upload under way.
pub struct Upload {
    pub id: Uuid,
    /// What its bytes are called in the store; never used again, even if the id is.
    session: Uuid,
    progress: Progress,
    principal: String,
    parts: i64,
    small_parts: i64,
    last_part: i64,
    /// Whether it has a row. One without bytes needs none: a ticket says all that is to be known.
    is_stored: bool,
    /// Held from reading the state to recording the next one; None for a mere look.
    turn: Option<Turn>,
    /// Guards the bytes of one without a row from the sweep.
    underway: Option<Underway>,
}

/// Bytes sent along with a request.
pub struct Body<S> {
    pub stream: S,
    /// The announced length in bytes, if one was announced.
    pub length: Option<u64>,
}

/// Begins an upload that the caller can find by its id alone.
pub async fn begin(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    algorithm: Algorithm,
) -> Result<Upload, Error> {
    let id = Uuid::new_v4();
    let mut upload = Upload::fresh(registry, id, caller.user_id().into_owned(), algorithm);
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
    let turn = registry.turns.take(registry, id).await?;
    let found = look.await?;
    if found.is_stored && !turn.holds_row() {
        // Another replica gave it a row in between.
        return Err(Error::UploadBusy);
    }
    Ok(Upload { turn: Some(turn), ..found })
}

/// The state of the upload with this id, as it was last recorded; nothing can be done with it.
pub async fn look(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    id: &str,
) -> Result<Upload, Error> {
    let id = Uuid::try_parse(id).map_err(|_| unknown(repository, id))?;
    row::find(registry, repository, caller, id).await
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
    let (upload, broken) = write(registry, repository, upload, offset, stream, End::More).await?;
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
    if first_byte != upload.received() {
        return Err(Error::InvalidLayerPart {
            id,
            name: repository.name().clone(),
            account: repository.registry().account.clone(),
            last_valid_byte: upload.received().checked_sub(1),
        });
    }
    let most = registry.settings.quotas.layer_parts;
    if upload.parts >= most {
        return Err(Error::LimitExceeded(format!(
            "The upload with id '{id}' already has the maximum number of layer parts which is '{most}'"
        )));
    }
    let before = upload.received();
    let mut upload = upload;
    upload.note_part(bytes.len() as u64);
    let stream = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(bytes)]);
    let (mut upload, _) = store(registry, upload, stream, End::More).await?;
    registry.store.sync(upload.session).await?;
    save(registry, repository, &mut upload, before, Durability::Power).await?;
    Ok(upload)
}

/// Gives an upload up.
pub async fn cancel(registry: &Registry, upload: Upload) -> Result<(), Error> {
    discard(registry, &upload).await
}

impl Upload {
    fn fresh(registry: &Registry, id: Uuid, principal: String, algorithm: Algorithm) -> Upload {
        let session = Uuid::new_v4();
        Upload {
            id,
            session,
            progress: Progress::new(algorithm),
            principal,
            parts: 0,
            small_parts: 0,
            last_part: 0,
            is_stored: false,
            turn: None,
            underway: Some(registry.landing.upload(session)),
        }
    }

    /// Bytes that are there.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.progress.received
    }

    /// Whether it can be found by its id alone; otherwise its ticket must be kept.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// Whether its bytes are those of `digest` as they are: then no more can belong to it, and whoever
    /// sends some sends them again. False where they were hashed by another algorithm on their way.
    #[must_use]
    pub fn holds(&self, digest: &Digest) -> bool {
        let hasher = &self.progress.hasher;
        self.received() > 0
            && hasher.algorithm() == digest.algorithm()
            && hasher.clone().finish() == *digest
    }

    /// What its row names as long as this value lives, and until when.
    fn holder(&self) -> &str {
        self.turn.as_ref().map_or("", Turn::holder)
    }

    fn held_until(&self, now: i64) -> i64 {
        if self.holder().is_empty() { 0 } else { now + LEASE.as_millis() as i64 }
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
    end: End,
) -> Result<(Upload, Option<String>), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    let before = upload.received();
    if offset.is_some_and(|offset| offset != before) {
        return Err(Error::RangeInvalid { received: before });
    }
    let (mut upload, broken) = store(registry, upload, stream, end).await?;
    if upload.received() == 0 && !upload.is_stored {
        // An empty chunk leaves nothing to go on from.
        registry.store.discard(upload.session, Some(&upload.progress.parts)).await?;
    }
    if upload.received() > before {
        save(registry, repository, &mut upload, before, Durability::Process).await?;
    }
    Ok((upload, broken))
}

/// Writes the bytes to the store.
async fn store<S, E>(
    registry: &Registry,
    mut upload: Upload,
    stream: S,
    end: End,
) -> Result<(Upload, Option<String>), Error>
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: std::fmt::Display + Send,
{
    let most = registry.settings.quotas.layer_size;
    let appended = registry.store.append(upload.session, upload.progress, stream, most, end).await;
    let (progress, broken) = match appended {
        Ok(progress) => (progress, None),
        Err(AppendError::Stream { source, appended }) => (*appended, Some(source.to_string())),
        Err(AppendError::Busy) => return Err(Error::UploadBusy),
        Err(AppendError::TooLarge { .. }) => {
            return Err(Error::LimitExceeded(format!(
                "The layer exceeds the maximum allowed layer size which is '{}' MiB",
                most / 1024 / 1024
            )));
        }
        Err(AppendError::Store(error)) => return Err(error.into()),
    };
    upload.progress = progress;
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
    let was_ended = !upload.is_stored && registry.tickets.is_ended(upload.id);
    if was_ended || !row::save(registry, repository, upload, before, durability).await? {
        // Ended, or moved on by another request while these bytes were on their way: they are no
        // longer the upload's. Those of a session that got no row are nobody's.
        if !upload.is_stored {
            registry.store.discard(upload.session, Some(&upload.progress.parts)).await?;
            return Err(Error::UploadBusy);
        }
        return Err(match row::is_there(registry, upload.id).await? {
            true => Error::UploadBusy,
            false => unknown(repository, &upload.id.to_string()),
        });
    }
    registry.tickets.store(upload.id);
    upload.is_stored = true;
    upload.underway = None;
    if let Some(turn) = &upload.turn {
        turn.is_recorded();
    }
    Ok(())
}

/// The row first, the bytes last: a crash in between leaves only garbage for the sweep.
async fn discard(registry: &Registry, upload: &Upload) -> Result<(), Error> {
    registry.tickets.end(upload.id, None);
    if let Some(row) = Held::of(upload)
        && !row::delete(registry, row).await?
    {
        return Ok(());
    }
    Ok(registry.store.discard(upload.session, Some(&upload.progress.parts)).await?)
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
