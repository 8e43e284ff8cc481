//! Objects that stay open between reads, so that a hot one costs no `open` and `close`. An exact bound and no delayed
//! dropping: each entry is a file descriptor, and holds the disk space of an object that is deleted meanwhile.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

use crate::{Content, Object};

pub(super) struct Opened(Mutex<LruCache<Object, Content>>);

impl Opened {
    pub(super) fn new(most: NonZeroUsize) -> Opened {
        Opened(Mutex::new(LruCache::new(most)))
    }

    pub(super) fn get(&self, object: &Object) -> Option<Content> {
        self.entries().get(object).cloned()
    }

    /// Remembers this object and forgets the one that was not asked for the longest.
    pub(super) fn insert(&self, object: Object, content: Content) {
        let forgotten = self.entries().push(object, content);
        // After the lock, as it may close a file.
        drop(forgotten);
    }

    pub(super) fn forget(&self, object: &Object) {
        let forgotten = self.entries().pop(object);
        drop(forgotten);
    }

    fn entries(&self) -> MutexGuard<'_, LruCache<Object, Content>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
