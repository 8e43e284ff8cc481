//! Moments of a database that others write too: equal moments mean that nothing was committed in
//! between, so what was looked up at one is still true at the other. What stands for the state of
//! the database is its [`Reading`]; who asks while one is under way shares the next, never the
//! running one, which may have begun before the question.

use std::future::Future;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::{Error, request};

/// A state of the database, as a number that is never used for another one in this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment(NonZeroU64);

/// What the database says of its state. Two are the same state if both parts are equal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reading {
    /// Counts connections: what is read over a new one says nothing about what was read before.
    pub(crate) connection: u64,
    pub(crate) text: String,
}

/// Where readings come from.
pub(crate) trait Source: Send + 'static {
    /// Asks the database. The reading must be taken after the call.
    fn read(&mut self) -> impl Future<Output = Result<Reading, Error>> + Send;
}

/// Asks for moments; cheap to clone.
#[derive(Clone)]
pub(crate) struct Moments {
    database: NonZeroU64,
    ask: mpsc::UnboundedSender<oneshot::Sender<Option<Moment>>>,
}

/// Numbers databases and their moments, so that no number means two things.
static NEXT: AtomicU64 = AtomicU64::new(1);

fn next() -> NonZeroU64 {
    NonZeroU64::new(NEXT.fetch_add(1, Ordering::Relaxed)).expect("no program counts that far")
}

impl Moments {
    /// Moments from `source`, for as long as the given task runs.
    pub(crate) fn of(source: impl Source) -> (Moments, AbortHandle) {
        let (ask, asked) = mpsc::unbounded_channel();
        let task = tokio::spawn(answer(source, asked));
        (Moments { database: next(), ask }, task.abort_handle())
    }

    /// The moment now; within a request, of the first question in it. None when the database gives
    /// none: then nothing that was remembered may be relied on.
    pub(crate) async fn now(&self) -> Option<Moment> {
        if let Some(answer) = request::asked(self.database) {
            return answer;
        }
        let (asker, answer) = oneshot::channel();
        let answer = match self.ask.send(asker) {
            Ok(()) => answer.await.ok().flatten(),
            Err(_) => None,
        };
        request::keep(self.database, answer);
        answer
    }
}

/// One reading at a time. Everybody in a batch asked before its reading began.
async fn answer(
    mut source: impl Source,
    mut asked: mpsc::UnboundedReceiver<oneshot::Sender<Option<Moment>>>,
) {
    let mut last: Option<(Reading, Moment)> = None;
    let mut batch = Vec::new();
    while let Some(first) = asked.recv().await {
        batch.push(first);
        // Requests that are about to ask come along.
        tokio::task::yield_now().await;
        while let Ok(further) = asked.try_recv() {
            batch.push(further);
        }
        let moment = match source.read().await {
            Ok(reading) => Some(numbered(&mut last, reading)),
            Err(error) => {
                tracing::debug!(%error, "PostgreSQL does not tell its moment");
                None
            }
        };
        for asker in batch.drain(..) {
            // Whoever does not wait any more does not need it.
            let _ = asker.send(moment);
        }
    }
}

fn numbered(last: &mut Option<(Reading, Moment)>, reading: Reading) -> Moment {
    match last {
        Some((known, moment)) if *known == reading => *moment,
        _ => {
            let moment = Moment(next());
            *last = Some((reading, moment));
            moment
        }
    }
}

#[cfg(test)]
mod tests;
