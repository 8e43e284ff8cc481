//! Makes disk calls fail on purpose, for tests that walk through "the n-th call fails". Compiled into tests and behind
//! the feature `faults`, never into a release.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

/// The disk calls that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Opening or creating a file for writing.
    Open,
    /// One `pwritev`.
    Write,
    /// Cutting a file to a length.
    Cut,
    /// Flushing a file.
    Sync,
    /// Flushing a folder.
    SyncFolder,
    /// Making a file read-only.
    Mode,
    /// Giving an upload its final name.
    Rename,
    /// Removing a file.
    Remove,
}

/// The plan of failures of one store.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Plan>);

#[derive(Debug, Default)]
struct Plan {
    fault: Option<Fault>,
    short: Option<usize>,
}

#[derive(Debug)]
struct Fault {
    call: Option<Call>,
    left: u64,
    errno: Errno,
}

impl Faults {
    /// Lets the `nth` call (1 is the next) of this kind, or of any kind, fail once with the raw `errno`.
    pub fn fail(&self, call: Option<Call>, nth: u64, errno: i32) {
        self.plan().fault = Some(Fault { call, left: nth, errno: Errno::from_raw_os_error(errno) });
    }

    /// Lets each write take at most this many bytes; `None` ends it.
    pub fn shorten(&self, bytes: Option<usize>) {
        self.plan().short = bytes;
    }

    /// Forgets the planned failure. True when it had not happened yet.
    pub fn clear(&self) -> bool {
        self.plan().fault.take().is_some()
    }

    pub(crate) fn strike(&self, call: Call) -> rustix::io::Result<()> {
        let mut plan = self.plan();
        let Some(fault) =
            plan.fault.as_mut().filter(|fault| fault.call.is_none_or(|kind| kind == call))
        else {
            return Ok(());
        };
        fault.left -= 1;
        if fault.left > 0 {
            return Ok(());
        }
        let errno = fault.errno;
        plan.fault = None;
        Err(errno)
    }

    pub(crate) fn short(&self) -> Option<usize> {
        self.plan().short
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
