//! Uploads without bytes, which need no row: the door hands its client a ticket with the id, signed
//! and bound to repository, caller and time. What must be remembered is which ids have a row by
//! now, and which were ended.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use uuid::Uuid;
use wharf_oci::{Algorithm, Digest};
use wharf_policy::Caller;

use super::{Upload, in_turn, look, row};
use crate::{Error, Registry, Repository};

/// What this process knows of uploads by their ids.
pub(crate) struct Tickets {
    /// Tells this process from every other; of what another one began, nothing is known here.
    process: Uuid,
    /// Whether no other process gives uploads their rows.
    exclusive: bool,
    stored: Mutex<HashSet<Uuid>>,
    /// With the digest of the layer that came of it, if one did.
    ended: Cache<Uuid, Option<Digest>>,
}

/// How long a ticket is good for.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How many ended uploads are remembered.
const ENDED: u64 = 20_000;

impl Tickets {
    pub(crate) fn new(exclusive: bool, lifetime: Duration) -> Tickets {
        let ended = Cache::builder()
            .max_capacity(ENDED)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(lifetime.max(TICKET_LIFETIME))
            .build();
        let process = Uuid::new_v4();
        Tickets { process, exclusive, stored: Mutex::default(), ended }
    }

    /// The upload has a row from now on.
    pub(super) fn store(&self, id: Uuid) {
        // Of what others may end, nothing is known here.
        if self.exclusive {
            self.stored().insert(id);
        }
    }

    /// The upload is over, and its ticket cannot begin it anew.
    pub(crate) fn end(&self, id: Uuid, layer: Option<Digest>) {
        self.ended.insert(id, layer);
        self.stored().remove(&id);
    }

    /// The layer that the upload became, if it was ended lately and one came of it.
    pub(super) fn layer(&self, id: Uuid) -> Option<Digest> {
        self.ended.get(&id).flatten()
    }

    /// Whether the upload is over.
    pub(super) fn is_ended(&self, id: Uuid) -> bool {
        self.ended.contains_key(&id)
    }

    /// Whether an upload begun by `process` is known to have no row.
    fn has_no_row(&self, id: Uuid, process: Uuid) -> bool {
        self.exclusive && process == self.process && !self.stored().contains(&id)
    }

    fn stored(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An upload without bytes, begun by a ticket.
#[must_use]
pub fn ticketed(registry: &Registry, caller: &Caller, id: Uuid, algorithm: Algorithm) -> Upload {
    Upload::fresh(registry, id, caller.user_id().into_owned(), algorithm)
}

/// What names this process in the tickets that it issues.
#[must_use]
pub fn issuer(registry: &Registry) -> Uuid {
    registry.tickets.process
}

/// What a genuine ticket says.
pub struct Ticket {
    pub id: Uuid,
    pub algorithm: Algorithm,
    /// The process that issued it.
    pub issuer: Uuid,
}

/// The upload that a genuine ticket vouches for, as [`find`] gives
/// it: with its bytes, if some have arrived under another address of it; not once it was ended.
pub async fn find_ticketed(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    ticket: &Ticket,
) -> Result<Upload, Error> {
    in_turn(registry, ticket.id, look_ticketed(registry, repository, caller, ticket)).await
}

/// As [`find_ticketed`], for a mere look.
pub async fn look_ticketed(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    ticket: &Ticket,
) -> Result<Upload, Error> {
    let Ticket { id, algorithm, issuer } = *ticket;
    let is_ended = registry.tickets.is_ended(id);
    let fresh = || ticketed(registry, caller, id, algorithm);
    if !is_ended && registry.tickets.has_no_row(id, issuer) {
        return Ok(fresh());
    }
    match look(registry, repository, caller, &id.to_string()).await {
        Err(Error::UploadNotFound { .. })
            // Another replica may have ended it, or this one before it was started again.
            if !is_ended && row::finished(registry, repository, caller, id).await?.is_none() =>
        {
            Ok(fresh())
        }
        found => found,
    }
}
