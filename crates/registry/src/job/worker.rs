//! The worker of one replica: looks for jobs that are due, runs a few at a time, and gives them
//! back when the replica stops. What the jobs do is their kinds' business.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::lease::{Lease, take};
use super::{Kind, Next, recur};
use crate::{Error, Registry};

/// How long a lease lasts unless it is renewed: so long after the death of a replica its jobs are
/// taken over.
pub const LEASE: Duration = Duration::from_secs(60);
/// How many jobs one replica runs at a time.
const SLOTS: usize = 4;
/// How often a replica looks for jobs; one that it enqueued itself it takes at once.
const LOOK: Duration = Duration::from_secs(1);

/// Works through the jobs of some kinds.
pub struct Worker {
    registry: Registry,
    kinds: Vec<Arc<dyn Kind>>,
    lease: Duration,
}

/// A job that was run, or begun.
#[derive(Debug)]
pub struct Ran {
    pub kind: &'static str,
    pub subject: String,
    pub outcome: Outcome,
    pub took: Duration,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    Done,
    /// It is tried again later.
    Failed(Error),
    /// The lease was lost, and with it the work: another replica has the job, or will.
    Lost,
    /// The replica stops; the job is due for another.
    GivenBack,
}

impl Outcome {
    /// In one word, for logs and metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Failed(_) => "failed",
            Outcome::Lost => "lost",
            Outcome::GivenBack => "given back",
        }
    }
}

impl Worker {
    /// A worker for `kinds`, of which [`kinds`](super::kinds) are all.
    #[must_use]
    pub fn new(registry: Registry, kinds: Vec<Arc<dyn Kind>>) -> Worker {
        Worker { registry, kinds, lease: LEASE }
    }

    /// The same with leases of another length than [`LEASE`].
    #[must_use]
    pub fn leasing_for(self, lease: Duration) -> Worker {
        Worker { lease, ..self }
    }

    /// Works until `stop`, then breaks off what it is at and gives it back. `observe` is told of
    /// each run.
    pub async fn run(&self, stop: impl Future<Output = ()>, observe: impl Fn(&Ran)) {
        let (stopping, stopped) = watch::channel(false);
        let mut running = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        let mut begun = false;
        loop {
            let look = Instant::now() + LOOK;
            begun = begun || self.begin().await;
            while begun && running.len() < SLOTS {
                let Some(lease) = self.look().await else { break };
                running.spawn(carry_out(self.registry.clone(), lease, stopped.clone()));
            }
            tokio::select! {
                () = &mut stop => break,
                Some(ran) = running.join_next() => observed(ran, &observe),
                () = self.registry.job_added.notified() => {}
                () = tokio::time::sleep_until(look) => {}
            }
        }
        stopping.send_replace(true);
        while let Some(ran) = running.join_next().await {
            observed(ran, &observe);
        }
    }

    /// Runs the job that has been due the longest to its end; None when none is due.
    ///
    /// # Errors
    /// When the database does not answer. What the job says is in its outcome.
    pub async fn run_next(&self) -> Result<Option<Ran>, Error> {
        let Some(lease) = take(&self.registry, &self.kinds, self.lease).await? else {
            return Ok(None);
        };
        let (_running, stopped) = watch::channel(false);
        Ok(Some(carry_out(self.registry.clone(), lease, stopped).await))
    }

    /// False when the database did not answer, and it is to be tried again.
    async fn begin(&self) -> bool {
        let entered = recur(&self.registry, &self.kinds).await;
        entered.map_err(|error| tell(error, "the recurring jobs could not be entered")).is_ok()
    }

    async fn look(&self) -> Option<Lease> {
        let found = take(&self.registry, &self.kinds, self.lease).await;
        found.map_err(|error| tell(error, "the jobs that are due cannot be seen")).ok().flatten()
    }
}

fn tell(error: Error, what: &str) {
    tracing::error!(error = error.told(), "{what}");
}

fn observed(ran: Result<Ran, JoinError>, observe: impl Fn(&Ran)) {
    match ran {
        Ok(ran) => observe(&ran),
        // The work itself runs in a task of its own; this one only waits and writes.
        Err(error) => tracing::error!(%error, "a job was left to the end of its lease"),
    }
}

/// Runs a job in a task of its own, which ends when this future is dropped.
async fn carry_out(
    registry: Registry,
    mut lease: Lease,
    mut stopped: watch::Receiver<bool>,
) -> Ran {
    let begun = Instant::now();
    let mut work = JoinSet::new();
    work.spawn(lease.kind.run(registry.clone(), lease.job.clone()));
    let ended = tokio::select! {
        Some(ended) = work.join_next() => Ok(ended.unwrap_or_else(|fault| Err(Error::fault(fault)))),
        () = lease.keep(&registry) => Err(Outcome::Lost),
        () = begins(&mut stopped) => Err(Outcome::GivenBack),
    };
    // It has come to rest before anybody else may begin.
    work.shutdown().await;
    let outcome = match ended {
        Ok(result) => settle(&registry, &lease, result).await,
        Err(outcome) => {
            if matches!(outcome, Outcome::GivenBack)
                && let Err(error) = lease.give_back(&registry).await
            {
                tell(error, "a job could not be given back and waits for the end of its lease");
            }
            outcome
        }
    };
    let (kind, subject) = (lease.kind.name(), lease.job.subject);
    Ran { kind, subject, outcome, took: begun.elapsed() }
}

/// Whoever would stop this worker may be gone; then nobody does.
async fn begins(stopped: &mut watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Writes down what came of the work.
async fn settle(registry: &Registry, lease: &Lease, result: Result<Next, Error>) -> Outcome {
    let (written, outcome) = match result {
        Ok(next) => (lease.succeed(registry, next).await, Outcome::Done),
        Err(error) => (lease.fail(registry, &error).await, Outcome::Failed(error)),
    };
    match written {
        Ok(true) => outcome,
        Ok(false) => Outcome::Lost,
        Err(error) => Outcome::Failed(error),
    }
}
