//! Which uploads are being written right now, in this process. The lock is held for a look, never across I/O.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use crate::Error;

#[derive(Default)]
pub(crate) struct Busy(Mutex<HashSet<Uuid>>);

/// The right to write one upload, until dropped. It travels with the work into the blocking thread, as work goes on
/// there when the request that wanted it is gone.
pub(crate) struct Claim {
    busy: Arc<Busy>,
    session: Uuid,
}

impl Busy {
    /// [`Error::Busy`] while another claim on `session` lives.
    pub(crate) fn claim(self: &Arc<Busy>, session: Uuid) -> Result<Claim, Error> {
        if self.sessions().insert(session) {
            Ok(Claim { busy: Arc::clone(self), session })
        } else {
            Err(Error::Busy)
        }
    }

    fn sessions(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.busy.sessions().remove(&self.session);
    }
}
