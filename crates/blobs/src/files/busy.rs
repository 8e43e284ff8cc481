//! Which uploads are being written right now, in this process. The lock is held for a look, never across I/O.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use crate::Error;

#[derive(Default)]
pub(super) struct Busy(Mutex<HashSet<Uuid>>);

/// The right to write one upload, until dropped. It travels with the work into the blocking thread, as work goes on
/// there when the request that wanted it is gone.
pub(super) struct Claim {
    busy: Arc<Busy>,
    id: Uuid,
}

impl Busy {
    /// [`Error::Busy`] while another claim on `id` lives.
    pub(super) fn claim(self: &Arc<Busy>, id: Uuid) -> Result<Claim, Error> {
        if self.ids().insert(id) {
            Ok(Claim { busy: Arc::clone(self), id })
        } else {
            Err(Error::Busy)
        }
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.busy.ids().remove(&self.id);
    }
}
