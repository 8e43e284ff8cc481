//! Bytes that have no row yet: objects and uploads of this process that are about to get theirs. The
//! sweep must not take them for strays. (Those of other replicas are spared for their youth: no
//! request may take longer than the grace.)

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;
use wharf_blobs::Object;

/// The names of what is about to get its row.
#[derive(Clone, Default)]
pub(crate) struct Landing(Arc<Mutex<HashSet<String>>>);

/// One of them, until it is dropped.
pub(crate) struct Underway {
    landing: Landing,
    name: String,
}

impl Landing {
    /// From before the object has its name until its row is committed.
    pub(crate) fn object(&self, object: &Object) -> Underway {
        self.begin(object.as_str().to_owned())
    }

    /// From before the upload has its first byte until its row is committed, or its bytes are gone.
    pub(crate) fn upload(&self, session: Uuid) -> Underway {
        self.begin(session.to_string())
    }

    /// Whether an object or session of this name is underway.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.names().contains(name)
    }

    fn begin(&self, name: String) -> Underway {
        self.names().insert(name.clone());
        Underway { landing: self.clone(), name }
    }

    fn names(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.landing.names().remove(&self.name);
    }
}
