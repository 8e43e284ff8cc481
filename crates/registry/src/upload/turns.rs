//! Turns: two requests that end one upload at once go one after the other, and the second finds
//! what the first has done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

/// The uploads that are being ended, each with its queue.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<Uuid, Weak<tokio::sync::Mutex<()>>>>);

/// From this many entries on, those that nobody uses any more are cleared away.
const CROWD: usize = 1_000;

impl Turns {
    /// Waits until nobody else is ending the upload; the turn lasts until it is dropped.
    pub(super) async fn take(&self, id: Uuid) -> OwnedMutexGuard<()> {
        self.queue(id).lock_owned().await
    }

    fn queue(&self, id: Uuid) -> Arc<tokio::sync::Mutex<()>> {
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
