//! The row of an upload: how far it came, so that it can go on after a restart or at another
//! replica, and who is at it right now.

use uuid::Uuid;
use wharf_blobs::{Parts, Progress};
use wharf_db::{Durability, Tx, statement, tx};
use wharf_oci::{Digest, Hasher};
use wharf_policy::Caller;

use super::{Upload, gone, unknown};
use crate::{Error, Registry, Repository};

statement! {
    INSERT = "INSERT INTO uploads (id, repository_id, principal, session, received, parts,
                  small_parts, last_part, hasher, store_parts, boot, holder, held_until, created_at,
                  updated_at)
              VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6, $7, $8, $9, $10, $11, $11)
              ON CONFLICT (id) DO NOTHING";
    FIND = "SELECT session, received, parts, small_parts, last_part, hasher, store_parts, boot
            FROM uploads
            WHERE id = $1 AND repository_id = $2 AND principal = $3 AND finished IS NULL";
    SAVE = "UPDATE uploads SET received = $4, parts = $5, small_parts = $6, last_part = $7,
                hasher = $8, store_parts = $9, updated_at = $10
            WHERE id = $1 AND received = $2 AND holder = $3 AND finished IS NULL";
    DELETE = "DELETE FROM uploads WHERE id = $1 AND holder = $2 AND finished IS NULL";
    FINISH = "UPDATE uploads SET finished = $3, store_parts = '', updated_at = $4
              WHERE id = $1 AND holder = $2 AND finished IS NULL";
    IS_THERE = "SELECT id FROM uploads WHERE id = $1 AND finished IS NULL";
    FINISHED = "SELECT finished, updated_at FROM uploads
                WHERE id = $1 AND repository_id = $2 AND principal = $3 AND finished IS NOT NULL";
}

/// Everything that an upload's row tells.
type Row = (String, i64, i64, i64, i64, Vec<u8>, String, String);

/// Reads the upload with this id, if it is one of this repository and this caller.
pub(super) async fn find(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    id: Uuid,
) -> Result<Upload, Error> {
    let unknown = || unknown(repository, &id.to_string());
    let values = (id.to_string(), &**repository.id(), &*caller.user_id());
    let row = registry.db.optional::<Row>(&FIND, values).await?.ok_or_else(unknown)?;
    let (session, received, parts, small_parts, last_part, hasher, store_parts, boot) = row;
    let progress = Progress {
        received: received as u64,
        hasher: Hasher::restore(&hasher).map_err(Error::fault)?,
        parts: Parts::restore(&store_parts).map_err(Error::fault)?,
    };
    let upload = Upload {
        id,
        session: session.parse().map_err(Error::fault)?,
        progress,
        principal: caller.user_id().into_owned(),
        parts,
        small_parts,
        last_part,
        is_stored: true,
        turn: None,
        underway: None,
    };
    // Bytes that were not flushed did not survive the machine's restart, and the saved hash would
    // not notice: such an upload is given up.
    if received > 0 && *boot != *registry.boot && registry.store.is_local() {
        super::discard(registry, &upload).await?;
        return Err(unknown());
    }
    Ok(upload)
}

/// Writes the row, for the first time or anew, if nobody else went on from `before` bytes.
pub(super) async fn save(
    registry: &Registry,
    repository: &Repository,
    upload: &Upload,
    before: u64,
    durability: Durability,
) -> Result<bool, Error> {
    let (id, now) = (upload.id.to_string(), registry.now());
    let (hasher, store_parts) = (upload.progress.hasher.save(), upload.progress.parts.save());
    let (received, holder) = (upload.progress.received as i64, upload.holder());
    let saved = tx!(registry.db, durability, |tx| {
        if upload.is_stored {
            let counts = (upload.parts, upload.small_parts, upload.last_part);
            let values = (
                &id,
                before as i64,
                holder,
                received,
                counts.0,
                counts.1,
                counts.2,
                hasher.as_slice(),
                &store_parts,
                now,
            );
            return tx.execute(&SAVE, values).await;
        }
        let (session, until) = (upload.session.to_string(), upload.held_until(now));
        let values = (
            &id,
            &**repository.id(),
            upload.principal.as_str(),
            session,
            received,
            hasher.as_slice(),
            &store_parts,
            &*registry.boot,
            holder,
            until,
            now,
        );
        tx.execute(&INSERT, values).await
    });
    Ok(saved.map_err(|error| gone(error, repository))? == 1)
}

/// A row that is to be ended, by the request that holds it.
#[derive(Clone, Copy)]
pub(super) struct Held<'u> {
    id: Uuid,
    holder: &'u str,
}

impl<'u> Held<'u> {
    /// The upload's row; None when it has none.
    pub(super) fn of(upload: &'u Upload) -> Option<Held<'u>> {
        upload.is_stored.then(|| Held { id: upload.id, holder: upload.holder() })
    }
}

/// Why a row was not ended.
pub(super) enum Refused {
    /// Another request holds it by now, or has ended it: nothing of the upload is ours any more.
    Taken,
    Db(wharf_db::Error),
}

impl From<wharf_db::Error> for Refused {
    fn from(error: wharf_db::Error) -> Refused {
        Refused::Db(error)
    }
}

impl Refused {
    /// As it is told to the client.
    pub(super) fn told(self, repository: &Repository) -> Error {
        match self {
            Refused::Taken => Error::UploadBusy,
            Refused::Db(error) => gone(error, repository),
        }
    }
}

/// Ends the row, if there is one. It stays for a while, for a client that did not get the answer and
/// asks again, at another replica or after a restart. `now` is the time of the layer's link, too, if
/// this upload made it.
pub(super) async fn end(
    tx: &mut Tx,
    row: Option<Held<'_>>,
    layer: &Digest,
    now: i64,
) -> Result<(), Refused> {
    let Some(Held { id, holder }) = row else { return Ok(()) };
    let ended = tx.execute(&FINISH, (id.to_string(), holder, layer.as_str(), now)).await?;
    if ended == 1 { Ok(()) } else { Err(Refused::Taken) }
}

/// Gives the row up. False when it is another request's by now, and with it the bytes.
pub(super) async fn delete(registry: &Registry, row: Held<'_>) -> Result<bool, Error> {
    let Held { id, holder } = row;
    let deleted = tx!(registry.db, Durability::Process, |tx| {
        tx.execute(&DELETE, (id.to_string(), holder)).await.map_err(Error::from)
    })?;
    Ok(deleted == 1)
}

/// Whether the upload goes on, whoever's it is.
pub(super) async fn is_there(registry: &Registry, id: Uuid) -> Result<bool, Error> {
    let found = registry.db.optional::<(String,)>(&IS_THERE, (id.to_string(),)).await?;
    Ok(found.is_some())
}

/// The digest of the layer that the upload became, and when, if a row still tells it.
pub(super) async fn finished(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    id: Uuid,
) -> Result<Option<(String, i64)>, Error> {
    let values = (id.to_string(), &**repository.id(), &*caller.user_id());
    Ok(registry.db.optional(&FINISHED, values).await?)
}
