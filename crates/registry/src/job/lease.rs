//! The lease of a job: the row carries the token of whoever works on it, and its due time is the
//! end of the lease, so that one whose owner died is simply due again. Whatever an owner writes
//! names its token, and changes nothing once another has taken over.
//!
//! Leases are as right as the clocks of the replicas agree: they may differ by well under a lease.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use wharf_db::{Durability, Params, Statement, statement, tx};

use super::{Job, Kind, Next};
use crate::{Error, Registry};

/// A lease is renewed this often within its length: two renewals may fail before it ends.
const RENEWALS: u32 = 3;
/// How long a job waits after its first failure; twice as long after each further one.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// How soon something is tried again when the database does not answer.
const RETRY: Duration = Duration::from_secs(1);
/// What is kept of an error, in characters.
const ERROR_LENGTH: usize = 2_000;

/// The right to work on a job. Dropped, it ends by itself.
pub(super) struct Lease {
    id: String,
    token: String,
    pub(super) kind: Arc<dyn Kind>,
    pub(super) job: Job,
    length: Duration,
    /// When the job was taken, by the registry's clock.
    taken: i64,
    /// When the lease has ended for certain, by a clock that nobody sets.
    ends: Instant,
}

statement! {
    // A look that writes nothing, and that replicas without work can afford each second. A kind
    // that only a newer replica knows is left to that one.
    LOOK = "SELECT id FROM jobs WHERE due_at <= $1
            AND kind IN (SELECT value FROM json_each($2)) ORDER BY due_at LIMIT 1";
    TAKE = "UPDATE jobs SET lease = $1, due_at = $2, attempts = attempts + 1
            WHERE id = (SELECT id FROM jobs WHERE due_at <= $3
                        AND kind IN (SELECT value FROM json_each($4)) ORDER BY due_at, id LIMIT 1)
            RETURNING id, kind, subject, payload, attempts";
    RENEW = "UPDATE jobs SET due_at = $3 WHERE id = $1 AND lease = $2";
    FORGET = "DELETE FROM jobs WHERE id = $1 AND lease = $2";
    RESCHEDULE = "UPDATE jobs SET lease = NULL, attempts = 0, last_error = NULL, due_at = $3,
                      payload = $4 WHERE id = $1 AND lease = $2";
    PUT_OFF = "UPDATE jobs SET lease = NULL, due_at = $3, last_error = $4
               WHERE id = $1 AND lease = $2";
    GIVE_BACK = "UPDATE jobs SET lease = NULL, attempts = attempts - 1, due_at = $3
                 WHERE id = $1 AND lease = $2";
}

/// Takes the job that has been due the longest, if there is one of these kinds.
pub(super) async fn take(
    registry: &Registry,
    kinds: &[Arc<dyn Kind>],
    length: Duration,
) -> Result<Option<Lease>, Error> {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    let names = serde_json::to_string(&names).expect("a list of strings is JSON");
    let (now, begun) = (registry.now(), Instant::now());
    if registry.db.optional::<(String,)>(&LOOK, (now, names.as_str())).await?.is_none() {
        return Ok(None);
    }
    let token = Uuid::new_v4().to_string();
    let values = (token.as_str(), now + length.as_millis() as i64, now, names.as_str());
    // A power cut that takes a lease back leaves a job that is due, which is what it is.
    let taken = tx!(registry.db, Durability::Process, |tx| {
        tx.optional::<(String, String, String, String, i64)>(&TAKE, values).await
    });
    let taken: Option<_> = taken.map_err(|error: wharf_db::Error| Error::from(error))?;
    Ok(taken.and_then(|(id, kind, subject, payload, attempts)| {
        let kind = kinds.iter().find(|known| known.name() == kind)?.clone();
        let job = Job { subject, payload, attempts };
        Some(Lease { id, token, kind, job, length, taken: now, ends: begun + length })
    }))
}

impl Lease {
    /// Renews the lease for as long as it is let; returns when it is lost: taken by another, or not
    /// renewed in time.
    pub(super) async fn keep(&mut self, registry: &Registry) {
        let mut next = Instant::now() + self.length / RENEWALS;
        loop {
            tokio::time::sleep_until(next.min(self.ends)).await;
            let (now, begun) = (registry.now(), Instant::now());
            let due = now + self.length.as_millis() as i64;
            let renewed =
                self.write(registry, &RENEW, (self.id.as_str(), self.token.as_str(), due));
            match tokio::time::timeout_at(self.ends, renewed).await {
                Ok(Ok(true)) => {
                    (self.ends, next) = (begun + self.length, begun + self.length / RENEWALS);
                }
                Ok(Err(_)) if Instant::now() < self.ends => next = Instant::now() + RETRY,
                Ok(Ok(false) | Err(_)) | Err(_) => return,
            }
        }
    }

    /// The job has succeeded. False when the lease was lost: then nothing is changed.
    pub(super) async fn succeed(&self, registry: &Registry, next: Next) -> Result<bool, Error> {
        let (id, token) = (self.id.as_str(), self.token.as_str());
        let every = self.kind.every(&registry.settings);
        let (payload, due) = match (next, every) {
            (Next::Again { payload, due }, _) => (payload, due),
            (Next::Done, Some(every)) => {
                (self.job.payload.clone(), self.taken + every.as_millis() as i64)
            }
            (Next::Done, None) => return self.insist(registry, &FORGET, (id, token)).await,
        };
        self.insist(registry, &RESCHEDULE, (id, token, due, payload)).await
    }

    /// The job has failed: it is put off, for longer each time. False when the lease was lost.
    pub(super) async fn fail(&self, registry: &Registry, error: &Error) -> Result<bool, Error> {
        let due = registry.now() + wait(self.job.attempts).as_millis() as i64;
        let values = (self.id.as_str(), self.token.as_str(), due, told(error));
        self.insist(registry, &PUT_OFF, values).await
    }

    /// The job was broken off through no fault of its own: another may go on at once.
    pub(super) async fn give_back(&self, registry: &Registry) -> Result<bool, Error> {
        let values = (self.id.as_str(), self.token.as_str(), registry.now());
        self.write(registry, &GIVE_BACK, values).await
    }

    /// Writes what became of the job, again and again until the lease ends: what was done should
    /// not be done twice because the database was away for a moment.
    async fn insist(
        &self,
        registry: &Registry,
        statement: &'static Statement,
        values: impl Into<Params>,
    ) -> Result<bool, Error> {
        let values = values.into();
        loop {
            match self.write(registry, statement, values.clone()).await {
                Err(_) if Instant::now() + RETRY < self.ends => tokio::time::sleep(RETRY).await,
                outcome => return outcome,
            }
        }
    }

    /// True when the row was still this lease's.
    async fn write(
        &self,
        registry: &Registry,
        statement: &'static Statement,
        values: impl Into<Params>,
    ) -> Result<bool, Error> {
        let values = values.into();
        let changed = tx!(registry.db, Durability::Process, |tx| {
            tx.execute(statement, values.clone()).await
        });
        changed.map(|rows| rows == 1).map_err(|error: wharf_db::Error| error.into())
    }
}

/// After this many attempts without success.
fn wait(attempts: i64) -> Duration {
    let doublings = attempts.saturating_sub(1).clamp(0, 16);
    (SHORTEST_WAIT * (1 << doublings)).min(LONGEST_WAIT)
}

/// The error as it is kept. PostgreSQL's text holds no NUL.
fn told(error: &Error) -> String {
    error.told().chars().filter(|letter| *letter != '\0').take(ERROR_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits: Vec<u64> = (1..=14).map(|attempts| wait(attempts).as_secs()).collect();
        let doubled = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600];
        assert_eq!(waits, doubled);
        assert_eq!(wait(i64::MAX), LONGEST_WAIT);
        assert_eq!(wait(0), SHORTEST_WAIT);
    }

    #[test]
    fn an_error_is_kept_with_its_causes_and_without_nul() {
        let error = Error::fault(std::io::Error::other("the disk\0 is gone"));
        assert!(told(&error).ends_with(": the disk is gone"), "{}", told(&error));
        let long = Error::fault(std::io::Error::other("x".repeat(10_000)));
        assert_eq!(told(&long).chars().count(), ERROR_LENGTH);
    }
}
