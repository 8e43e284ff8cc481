//! Uploads without bytes, which need no row: the door hands its client a ticket with the id, signed
//! and bound to repository, caller and time. What must be remembered is which ids have a row by
//! now, and which were ended.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;
use wharf_oci::Algorithm;
use wharf_policy::Caller;

use super::{Upload, find};
use crate::{Error, Registry, Repository};

/// What this process knows of uploads by their ids.
pub(crate) struct Tickets {
    /// Tells this process from every other; of what another one began, nothing is known here.
    process: Uuid,
    /// Whether no other process gives uploads their rows.
    exclusive: bool,
    stored: Mutex<HashSet<Uuid>>,
    ended: Cache<Uuid, ()>,
}

/// How many ended uploads are remembered.
const ENDED: u64 = 20_000;

impl Tickets {
    pub(crate) fn new(exclusive: bool, lifetime: Duration) -> Tickets {
        let ended = Cache::builder().max_capacity(ENDED).time_to_live(lifetime).build();
        let process = Uuid::new_v4();
        Tickets { process, exclusive, stored: Mutex::default(), ended }
    }

    /// The upload has a row from now on.
    pub(super) fn store(&self, id: Uuid) {
        self.stored().insert(id);
    }

    /// The upload is over, and its ticket cannot begin it anew.
    pub(crate) fn end(&self, id: Uuid) {
        self.ended.insert(id, ());
        self.stored().remove(&id);
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
pub fn ticketed(caller: &Caller, id: Uuid, algorithm: Algorithm) -> Upload {
    Upload::fresh(id, caller.arn.to_string(), algorithm)
}

/// What names this process in the tickets that it issues.
#[must_use]
pub fn issuer(registry: &Registry) -> Uuid {
    registry.tickets.process
}

/// The upload that a genuine ticket, issued by the process `issuer`, vouches for: with its bytes, if some have
/// arrived under another address of it; not once it was ended.
pub async fn find_ticketed(
    registry: &Registry,
    repository: &Repository,
    caller: &Caller,
    id: Uuid,
    algorithm: Algorithm,
    issuer: Uuid,
) -> Result<Upload, Error> {
    if !registry.tickets.is_ended(id) {
        let fresh = ticketed(caller, id, algorithm);
        if registry.tickets.has_no_row(id, issuer) {
            return Ok(fresh);
        }
        return match find(registry, repository, caller, &id.to_string()).await {
            Err(Error::UploadNotFound { .. }) => Ok(fresh),
            found => found,
        };
    }
    find(registry, repository, caller, &id.to_string()).await
}
