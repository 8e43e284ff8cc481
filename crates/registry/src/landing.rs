//! Objects between their bytes and their row. The sweep must not take them for strays.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_blobs::Object;

/// The objects of this process that are about to get their row.
#[derive(Clone, Default)]
pub(crate) struct Landing(Arc<Mutex<HashSet<String>>>);

/// One of them, until it is dropped.
pub(crate) struct Underway {
    landing: Landing,
    object: String,
}

impl Landing {
    /// From before the object has its name until its row is committed.
    pub(crate) fn begin(&self, object: &Object) -> Underway {
        let object = object.as_str().to_owned();
        self.objects().insert(object.clone());
        Underway { landing: self.clone(), object }
    }

    pub(crate) fn contains(&self, object: &Object) -> bool {
        self.objects().contains(object.as_str())
    }

    fn objects(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.landing.objects().remove(&self.object);
    }
}
