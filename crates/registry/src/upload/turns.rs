//! Turns: requests on one upload go one after the other. Whoever has the turn reads the upload's
//! state inside it, so nobody writes over what another is about to record. Within a process a queue
//! sees to it; where several replicas can reach the same bytes, a lease in the upload's row does too.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;
use uuid::Uuid;
use wharf_db::{Db, Durability, statement, tx};

use crate::state::Clock;
use crate::{Error, Registry};

type Queue = tokio::sync::Mutex<()>;

/// The uploads that are being worked on, each with its queue.
pub(crate) struct Turns {
    queues: Mutex<HashMap<Uuid, Weak<Queue>>>,
    /// Tells the leases of this process from those of every other; None where there is no other.
    process: Option<Uuid>,
    taken: AtomicU64,
}

/// The turn, until it is dropped.
pub(crate) struct Turn {
    lease: Option<Lease>,
    _queue: OwnedMutexGuard<()>,
}

/// A claim on an upload that every replica can see. Whoever holds it goes on claiming it; what a
/// dead replica held is free after [`LEASE`].
struct Lease {
    db: Db,
    id: Uuid,
    holder: String,
    /// Whether the row names it; there may be no row yet.
    is_held: AtomicBool,
    renewal: JoinHandle<()>,
}

/// How long a request waits for one that is at work: long enough for one that is about to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon another replica's lease is looked at again, at first and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(400)];
/// How long a lease lasts without being renewed, and so for how long the upload of a replica that died
/// makes others wait. Replicas' clocks may differ by half of this: whoever loses a lease for it is
/// refused, never mixed up with the new holder.
pub(super) const LEASE: Duration = Duration::from_secs(20);
/// How often a lease is renewed. Whoever waits knows by it that the holder lives.
const RENEWALS: Duration = Duration::from_secs(4);
/// How long one attempt to renew it may take.
const RENEWAL: Duration = Duration::from_secs(5);

/// From this many entries on, those that nobody uses any more are cleared away.
const CROWD: usize = 1_000;

statement! {
    // A lease of this process is none to wait for: its queue has come to an end.
    HOLD = "UPDATE uploads SET holder = $2, held_until = $3
            WHERE id = $1 AND (held_until <= $4 OR substr(holder, 1, 36) = $5)";
    HELD = "SELECT holder, held_until FROM uploads WHERE id = $1 AND finished IS NULL";
    RENEW = "UPDATE uploads SET held_until = $3 WHERE id = $1 AND holder = $2";
    RELEASE = "UPDATE uploads SET holder = '', held_until = 0 WHERE id = $1 AND holder = $2";
}

impl Turns {
    /// `shared` says whether other processes can work on the same uploads.
    pub(crate) fn new(shared: bool) -> Turns {
        let process = shared.then(Uuid::new_v4);
        Turns { queues: Mutex::default(), process, taken: AtomicU64::new(0) }
    }

    /// Whether other processes can work on the same uploads.
    pub(crate) fn are_shared(&self) -> bool {
        self.process.is_some()
    }

    /// Waits for the turn; [`Error::UploadBusy`] when another request keeps it for long. The lease of
    /// a replica that died is waited out.
    pub(crate) async fn take(&self, registry: &Registry, id: Uuid) -> Result<Turn, Error> {
        let begun = Instant::now();
        let queue = self.queue(id);
        let queue = tokio::time::timeout(PATIENCE, queue.lock_owned()).await;
        let _queue = queue.map_err(|_| Error::UploadBusy)?;
        let Some(process) = self.process else { return Ok(Turn { lease: None, _queue }) };
        let holder = format!("{process}/{}", self.taken.fetch_add(1, Ordering::Relaxed));
        let is_held = wait(registry, id, &holder, process, begun).await?;
        let lease = Lease::keep(registry, id, holder, is_held);
        Ok(Turn { lease: Some(lease), _queue })
    }

    /// The turn, if nobody of this process has it.
    pub(crate) fn try_take(&self, id: Uuid) -> Option<Turn> {
        let _queue = self.queue(id).try_lock_owned().ok()?;
        Some(Turn { lease: None, _queue })
    }

    fn queue(&self, id: Uuid) -> Arc<Queue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&id).and_then(Weak::upgrade) {
            return queue;
        }
        if queues.len() >= CROWD {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let queue = Arc::default();
        queues.insert(id, Arc::downgrade(&queue));
        queue
    }
}

impl Turn {
    /// What the row names while this turn lasts; empty where no other process could ask.
    pub(super) fn holder(&self) -> &str {
        self.lease.as_ref().map_or("", |lease| lease.holder.as_str())
    }

    /// Whether the row, if there is one, is held; always where no other process could hold it.
    pub(super) fn holds_row(&self) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.is_held.load(Ordering::Relaxed))
    }

    /// A row that names the holder was written.
    pub(super) fn is_recorded(&self) {
        if let Some(lease) = &self.lease {
            lease.is_held.store(true, Ordering::Relaxed);
        }
    }
}

/// Who holds the lease in the row.
enum Hold {
    Mine,
    /// Somebody else by this name, until then.
    Another(String, i64),
    NoRow,
}

/// Waits for the lease; false when there is no row to hold.
async fn wait(
    registry: &Registry,
    id: Uuid,
    holder: &str,
    process: Uuid,
    begun: Instant,
) -> Result<bool, Error> {
    let [mut look, longest] = LOOKS;
    let mut first = None;
    loop {
        let seen = match hold(registry, id, holder, process).await? {
            Hold::Mine => return Ok(true),
            Hold::NoRow => return Ok(false),
            Hold::Another(holder, until) => (holder, until),
        };
        let first = first.get_or_insert_with(|| seen.clone());
        // As long as it is the same lease, its holder may be dead.
        let patience = if *first == seen { LEASE + RENEWALS } else { PATIENCE };
        if begun.elapsed() > patience {
            return Err(Error::UploadBusy);
        }
        tokio::time::sleep(look).await;
        look = longest.min(look * 2);
    }
}

async fn hold(registry: &Registry, id: Uuid, holder: &str, process: Uuid) -> Result<Hold, Error> {
    let (id, process, now) = (id.to_string(), process.to_string(), registry.now());
    let until = now + LEASE.as_millis() as i64;
    tx!(registry.db, Durability::Process, |tx| {
        if tx.execute(&HOLD, (&id, holder, until, now, &process)).await? == 1 {
            return Ok(Hold::Mine);
        }
        let row = tx.optional::<(String, i64)>(&HELD, (&id,)).await?;
        Ok(row.map_or(Hold::NoRow, |(holder, until)| Hold::Another(holder, until)))
    })
}

impl Lease {
    fn keep(registry: &Registry, id: Uuid, holder: String, is_held: bool) -> Lease {
        let (db, clock) = (registry.db.clone(), registry.clock.clone());
        let renewal = tokio::spawn(renew(db.clone(), clock, id, holder.clone()));
        Lease { db, id, holder, is_held: AtomicBool::new(is_held), renewal }
    }
}

async fn renew(db: Db, clock: Clock, id: Uuid, holder: String) {
    loop {
        tokio::time::sleep(RENEWALS).await;
        loop {
            let until = clock() + LEASE.as_millis() as i64;
            let renewed = set(&db, &RENEW, (id.to_string(), holder.as_str(), until));
            match tokio::time::timeout(RENEWAL, renewed).await {
                // None before the row is written, or when another has taken over: what this request
                // writes is then refused.
                Ok(Ok(_)) => break,
                Ok(Err(error)) => {
                    tracing::warn!(%id, error = Error::from(error).told(), "an upload's lease could not be renewed yet");
                }
                Err(_) => tracing::warn!(%id, "an upload's lease could not be renewed in time"),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
        if !*self.is_held.get_mut() {
            return;
        }
        let (db, id, holder) = (self.db.clone(), self.id, std::mem::take(&mut self.holder));
        // Without it, another replica would have to wait for the lease's end.
        tokio::spawn(async move {
            let released = set(&db, &RELEASE, (id.to_string(), holder.as_str())).await;
            if let Err(error) = released {
                tracing::warn!(%id, error = Error::from(error).told(), "an upload's lease could not be given back");
            }
        });
    }
}

async fn set(
    db: &Db,
    statement: &'static wharf_db::Statement,
    values: impl Into<wharf_db::Params> + Clone,
) -> Result<u64, wharf_db::Error> {
    tx!(db, Durability::Process, |tx| tx.execute(statement, values.clone()).await)
}
