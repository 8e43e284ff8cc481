//! Jobs: work that goes on beside the requests, once for all replicas. A job is a row, written in
//! the transaction that causes it, or one that recurs; a replica leases it, runs it, and finishes it
//! only while the lease is still its own.
//!
//! A kind of job is one type and one line in [`kinds`]; the worker knows nothing of what it does.
//! What is run can be broken off at any moment and then runs again, so a kind must bear both.

mod lease;
mod scrub;
mod sweep;
mod worker;

pub use scrub::{Scrub, Scrubbed};
pub use sweep::Sweep;
pub use worker::{LEASE, Outcome, Ran, Worker};

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;
use wharf_db::{Tx, statement, tx};

use crate::{Error, Registry, Settings};

/// What one kind of job does.
pub trait Kind: Send + Sync {
    /// Its name in the table, in the log and in the metrics. Never changed once released.
    fn name(&self) -> &'static str;

    /// How long after the beginning of one run the next is due, for work that nothing causes. There
    /// is one such job in a deployment, whatever the number of replicas. None for a kind that is
    /// [enqueued](enqueue).
    fn every(&self, _: &Settings) -> Option<Duration> {
        None
    }

    /// Does the work. An error is kept with the job, which is tried again later, each time later
    /// than before, without end: a kind that is to give up looks at [`Job::attempts`].
    fn run(&self, registry: Registry, job: Job) -> BoxFuture<'static, Result<Next, Error>>;
}

/// A job as its kind sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// What it is about, in the words of its kind, such as an id; empty for one that recurs.
    pub subject: String,
    /// What its kind wants to know, such as a position.
    pub payload: String,
    /// How often it was begun since it last succeeded, this time included.
    pub attempts: i64,
}

/// What becomes of a job that succeeded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// It is done. One that recurs is due again in its time, with the payload it had.
    Done,
    /// There is more to do.
    Again {
        payload: String,
        /// Milliseconds since 1970.
        due: i64,
    },
}

/// All kinds there are.
#[must_use]
pub fn kinds() -> Vec<Arc<dyn Kind>> {
    vec![Arc::new(Sweep), Arc::new(Scrub::default())]
}

statement! {
    ADD = "INSERT INTO jobs (id, kind, subject, payload, due_at, attempts, created_at)
           VALUES ($1, $2, $3, $4, $5, 0, $6)";
    // A restart does not put off what is due, and brings forward what is to come more often now.
    RECUR = "INSERT INTO jobs (id, kind, subject, payload, due_at, attempts, created_at)
             VALUES ($1, $2, '', '', $3, 0, $4)
             ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at
             WHERE jobs.lease IS NULL AND jobs.due_at > excluded.due_at";
    RELEASE_ALL = "UPDATE jobs SET lease = NULL, due_at = $1 WHERE lease IS NOT NULL";
}

/// Has a job done once `tx` is committed: by this replica at once if it has time, else by whichever
/// has. It may begin at `due`, in milliseconds since 1970, or later.
pub async fn enqueue(
    registry: &Registry,
    tx: &mut Tx,
    kind: &dyn Kind,
    subject: &str,
    payload: &str,
    due: i64,
) -> Result<(), Error> {
    let id = Uuid::now_v7().to_string();
    tx.execute(&ADD, (id, kind.name(), subject, payload, due, registry.now())).await?;
    let added = registry.job_added.clone();
    tx.after_commit(move || added.notify_one());
    Ok(())
}

/// Sees to it that each recurring job has its row.
async fn recur(registry: &Registry, kinds: &[Arc<dyn Kind>]) -> Result<(), Error> {
    let now = registry.now();
    tx!(registry.db, |tx| {
        if registry.db.exclusive() {
            // There is no other process: whoever held a lease was killed.
            tx.execute(&RELEASE_ALL, (now,)).await?;
        }
        for kind in kinds {
            if let Some(every) = kind.every(&registry.settings) {
                let due = now + every.as_millis() as i64;
                tx.execute(&RECUR, (kind.name(), kind.name(), due, now)).await?;
            }
        }
        Ok(())
    })
}
