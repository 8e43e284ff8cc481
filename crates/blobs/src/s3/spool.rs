//! Bytes of an append that are not a part yet, in a file without a name that is gone with the process. The file is
//! written round and round, so it takes no more room on the disk than what is waiting to be sent.

use std::{
    fs::{DirBuilder, File},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt as _, FileExt as _},
    },
    path::Path,
    sync::Arc,
};

use rustix::{
    fs::{AtFlags, Mode, OFlags},
    io::Errno,
};
use uuid::Uuid;

use crate::Error;

/// The most bytes that may wait in one spool: two parts being sent, what is held back for the last part, and a batch.
pub(super) const SPOOL: u64 = 2 * super::PART + 2 * super::LARGEST_PART;

/// The folder for the files. Nothing in it has a name for longer than a moment.
#[derive(Clone)]
pub(super) struct SpoolFolder(Arc<OwnedFd>);

impl SpoolFolder {
    /// Opens the folder, and makes it (not those above it) when it is new.
    pub(super) fn open(path: &Path) -> Result<SpoolFolder, Error> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?;
        let folder = SpoolFolder(Arc::new(folder));
        // A folder that takes no files is found out now, not by the first push.
        folder.spool()?;
        Ok(folder)
    }

    /// A new, empty spool. Blocks a moment.
    pub(super) fn spool(&self) -> Result<Spool, Error> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.0, ".", flags, Mode::RUSR | Mode::WUSR) {
            // Some file systems have no files without a name.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOENT) => self.unlinked(),
            opened => opened,
        };
        Ok(Spool(Arc::new(File::from(file.map_err(|errno| judged(errno.into()))?))))
    }

    fn unlinked(&self) -> rustix::io::Result<OwnedFd> {
        let name = Uuid::new_v4().to_string();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, &name, flags, Mode::RUSR | Mode::WUSR)?;
        rustix::fs::unlinkat(&self.0, &name, AtFlags::empty())?;
        Ok(file)
    }
}

/// One file. Positions count from the begin of the append; who uses it sees to it that no more than [`SPOOL`] bytes are
/// waiting.
#[derive(Clone)]
pub(super) struct Spool(Arc<File>);

impl Spool {
    pub(super) fn write(&self, position: u64, bytes: &[u8]) -> Result<(), Error> {
        let (before, after) = bytes.split_at(until_end(position, bytes.len()));
        self.0.write_all_at(before, position % SPOOL).map_err(judged)?;
        self.0.write_all_at(after, 0).map_err(judged)
    }

    pub(super) fn read(&self, position: u64, into: &mut [u8]) -> Result<(), Error> {
        let (before, after) = into.split_at_mut(until_end(position, into.len()));
        self.0.read_exact_at(before, position % SPOOL)?;
        self.0.read_exact_at(after, 0)?;
        Ok(())
    }
}

/// How many of the next `length` bytes lie before the file begins anew.
fn until_end(position: u64, length: usize) -> usize {
    length.min((SPOOL - position % SPOOL) as usize)
}

fn judged(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
        _ => Error::Io(error),
    }
}
