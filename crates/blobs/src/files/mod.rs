//! The engine that keeps bytes in files: what its operations share. Laying out the folder is in `layout`, system calls
//! that write are in `disk`, appending in `append`, what ends an upload in `promote`, reading in `open`
//! and `opened`, listing in `sweep`. Linux only: it relies on `renameat2`, `openat2` and `preadv2`.

pub(crate) mod append;
pub(crate) mod disk;
mod layout;
mod mark;
mod open;
mod opened;
mod promote;
mod quarantine;
mod sweep;

use std::{
    io,
    os::fd::OwnedFd,
    path::Path,
    sync::{Arc, Mutex},
};

use tokio::task::JoinHandle;

use self::{disk::Disk, layout::Rare, opened::Opened};
use crate::{Error, Options, busy::Busy};

/// One folder of bytes. Every path is relative to one of four folders that stay open, so nothing outside can be named.
pub(crate) struct Files {
    pub(crate) disk: Disk,
    /// What the others are in.
    root: OwnedFd,
    /// `root/blobs`: objects by their names.
    blobs: OwnedFd,
    /// `root/uploads`: a file for each upload, named by its id.
    uploads: OwnedFd,
    /// `root/quarantine`: objects whose bytes were found to be wrong.
    quarantine: OwnedFd,
    rare: Rare,
    busy: Arc<Busy>,
    opened: Opened,
    /// Held while the mark is written: all who write it have one name for what is not yet whole.
    marking: Mutex<()>,
}

impl Files {
    pub(crate) fn open(root: &Path, options: &Options) -> Result<Files, Error> {
        let layout::Folders { root, blobs, uploads, quarantine, rare } = layout::open(root)?;
        Ok(Files {
            disk: Disk::default(),
            root,
            blobs,
            uploads,
            quarantine,
            rare,
            busy: Arc::default(),
            opened: Opened::new(options.open_files),
            marking: Mutex::default(),
        })
    }
}

/// Runs `act` where blocking is allowed. It runs to its end even when nobody waits any more.
pub(crate) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(tokio::task::spawn_blocking(act)).await
}

/// Waits for blocking work; its panic goes on here. It is refused only when the runtime shuts down.
pub(crate) async fn joined<T>(task: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    match task.await {
        Ok(outcome) => outcome,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(stopped) => Err(Error::Io(io::Error::other(stopped))),
        },
    }
}
