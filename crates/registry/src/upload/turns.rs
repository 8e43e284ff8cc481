//! Turns: requests on one upload go one after the other. Whoever has the turn reads the upload's
//! state inside it, so nobody writes over what another is about to record.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

type Queue = tokio::sync::Mutex<()>;

/// The uploads that are being worked on, each with its queue.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<Uuid, Weak<Queue>>>);

/// The turn, until it is dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// How long a request waits for the one before it: long enough for one that is about to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// From this many entries on, those that nobody uses any more are cleared away.
const CROWD: usize = 1_000;

impl Turns {
    /// Waits for the turn; None when another request keeps it for long.
    pub(crate) async fn take(&self, id: Uuid) -> Option<Turn> {
        let queue = self.queue(id);
        tokio::time::timeout(PATIENCE, queue.lock_owned()).await.ok()
    }

    /// The turn, if nobody has it.
    pub(crate) fn try_take(&self, id: Uuid) -> Option<Turn> {
        self.queue(id).try_lock_owned().ok()
    }

    fn queue(&self, id: Uuid) -> Arc<Queue> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
