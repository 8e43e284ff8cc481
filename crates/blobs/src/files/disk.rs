//! The system calls that change the disk, each in one place: retried when interrupted, judged when refused, and made to
//! fail on purpose in tests. What is written in which order is not decided here.

use std::{
    fs::File,
    io::{self, IoSlice},
    os::fd::{AsFd, OwnedFd},
    sync::OnceLock,
};

use bytes::Bytes;
use rustix::{
    fs::{AtFlags, Mode, OFlags, RenameFlags},
    io::Errno,
};

use crate::Error;
#[cfg(any(test, feature = "faults"))]
pub(crate) use crate::faults::Call;

/// Linux takes at most this many pieces in one write (`IOV_MAX`).
pub(super) const MOST_PIECES: usize = 1024;

#[derive(Default)]
pub(crate) struct Disk {
    /// What the first failure said, once there was one.
    failure: OnceLock<String>,
    #[cfg(any(test, feature = "faults"))]
    pub(crate) faults: crate::Faults,
}

/// The kinds of calls, where nothing is made to fail on purpose.
#[cfg(not(any(test, feature = "faults")))]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Open,
    Write,
    Cut,
    Sync,
    SyncFolder,
    Mode,
    Rename,
    Remove,
}

impl Disk {
    pub(crate) fn failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// Refuses with [`Error::Failed`] once the disk has failed: every operation that writes asks first.
    pub(super) fn writable(&self) -> Result<(), Error> {
        match self.failure.get() {
            Some(failure) => Err(Error::Failed(io::Error::other(failure.clone()))),
            None => Ok(()),
        }
    }

    /// Opens a file for writing, creating it as `flags` say. Only the owner may write, the group may read.
    pub(super) fn open(&self, folder: &OwnedFd, name: &str, flags: OFlags) -> Result<File, Error> {
        let flags = flags | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
        self.call(Call::Open, || rustix::fs::openat(folder, name, flags, mode)).map(File::from)
    }

    /// Writes all `pieces`, one behind the other, from `offset` on.
    pub(super) fn write(
        &self,
        file: &File,
        pieces: &[Bytes],
        mut offset: u64,
    ) -> Result<(), Error> {
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut rest = slices.as_mut_slice();
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let written = self.call(Call::Write, || self.write_some(file, rest, offset))?;
            if written == 0 {
                return Err(Error::Io(io::ErrorKind::WriteZero.into()));
            }
            IoSlice::advance_slices(&mut rest, written);
            offset += written as u64;
        }
        Ok(())
    }

    fn write_some(
        &self,
        file: &File,
        rest: &[IoSlice<'_>],
        offset: u64,
    ) -> rustix::io::Result<usize> {
        #[cfg(any(test, feature = "faults"))]
        if let Some(most) = self.faults.short() {
            let piece = &rest[0][..most.min(rest[0].len())];
            return rustix::io::pwrite(file, piece, offset);
        }
        rustix::io::pwritev(file, &rest[..rest.len().min(MOST_PIECES)], offset)
    }

    pub(super) fn cut(&self, file: &File, length: u64) -> Result<(), Error> {
        self.call(Call::Cut, || rustix::fs::ftruncate(file, length))
    }

    /// Flushes bytes and length, and everything about the file that the journal holds.
    pub(super) fn sync(&self, file: &File) -> Result<(), Error> {
        self.call(Call::Sync, || rustix::fs::fsync(file))
    }

    /// Flushes bytes and length.
    pub(super) fn sync_data(&self, file: &File) -> Result<(), Error> {
        self.call(Call::Sync, || rustix::fs::fdatasync(file))
    }

    /// Flushes the names in a folder.
    pub(super) fn sync_folder(&self, folder: impl AsFd) -> Result<(), Error> {
        self.call(Call::SyncFolder, || rustix::fs::fsync(&folder))
    }

    pub(super) fn make_read_only(&self, file: &File) -> Result<(), Error> {
        self.call(Call::Mode, || rustix::fs::fchmod(file, Mode::RUSR | Mode::RGRP))
    }

    /// Renames, and never replaces.
    pub(super) fn rename(
        &self,
        from: &OwnedFd,
        old: &str,
        to: &OwnedFd,
        new: &str,
    ) -> Result<(), Error> {
        self.call(Call::Rename, || {
            rustix::fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE)
        })
    }

    /// Removes a file; one that is gone is removed already.
    pub(super) fn remove(&self, folder: &OwnedFd, name: &str) -> Result<(), Error> {
        match self.call(Call::Remove, || rustix::fs::unlinkat(folder, name, AtFlags::empty())) {
            Err(Error::Missing) => Ok(()),
            outcome => outcome,
        }
    }

    fn call<T>(
        &self,
        call: Call,
        mut act: impl FnMut() -> rustix::io::Result<T>,
    ) -> Result<T, Error> {
        let outcome = rustix::io::retry_on_intr(|| {
            #[cfg(any(test, feature = "faults"))]
            self.faults.strike(call)?;
            act()
        });
        outcome.map_err(|errno| self.judge(call, errno))
    }

    fn judge(&self, call: Call, errno: Errno) -> Error {
        match errno {
            Errno::NOENT => Error::Missing,
            Errno::NOSPC | Errno::DQUOT => Error::Full,
            Errno::IO | Errno::ROFS => self.fail(errno),
            // The kernel may have dropped the pages whose flush failed, so a second try would lie.
            _ if matches!(call, Call::Sync | Call::SyncFolder) => self.fail(errno),
            _ => Error::Io(errno.into()),
        }
    }

    fn fail(&self, errno: Errno) -> Error {
        let failure = io::Error::from(errno);
        if self.failure.set(failure.to_string()).is_ok() {
            tracing::error!(%failure, "the blob store failed and takes no more writes");
        }
        Error::Failed(failure)
    }
}
