//! What belongs to one request: the moment that its reads share, and that its statements are to be
//! short. Whatever runs without a request, such as background work, asks anew each time.

use std::cell::Cell;
use std::future::Future;
use std::num::NonZeroU64;

use crate::moment::Moment;

tokio::task_local! {
    static ASKED: Cell<Option<(NonZeroU64, Option<Moment>)>>;
}

/// Runs `work` as one request: the caches ask the database at most once whether something changed
/// (see [`Epochs`](crate::Epochs)), and a statement may take 5 seconds instead of 60. A task that
/// `work` spawns does not belong to it.
pub fn in_request<F: Future>(work: F) -> impl Future<Output = F::Output> {
    ASKED.scope(Cell::new(None), work)
}

/// Whether this is part of a request.
pub(crate) fn is_one() -> bool {
    ASKED.try_with(|_| ()).is_ok()
}

/// What the database of this number was asked in this request, if it was: a failure too.
pub(crate) fn asked(database: NonZeroU64) -> Option<Option<Moment>> {
    let (of, answer) = ASKED.try_with(Cell::get).ok()??;
    (of == database).then_some(answer)
}

/// Keeps the answer for the rest of the request.
pub(crate) fn keep(database: NonZeroU64, answer: Option<Moment>) {
    let _ = ASKED.try_with(|asked| asked.set(Some((database, answer))));
}
