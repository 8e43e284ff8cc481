//! What ends an upload: it becomes an object, or it goes. The order of the calls is what durability rests on.

use std::{
    fs::File,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    slice,
    sync::Arc,
};

use bytes::Bytes;
use rustix::fs::{Advice, Mode, OFlags, fadvise};
use uuid::Uuid;
use wharf_oci::{Algorithm, Digest, Hasher};

use super::{
    Files, blocking,
    open::{READ, judged},
};
use crate::{Error, Object, SMALL_BLOB};

/// Bytes read for one step of hashing anew.
const HASHED_AT_ONCE: usize = 256 * 1024;

impl Files {
    pub(crate) async fn hash(
        self: &Arc<Files>,
        session: Uuid,
        length: u64,
        algorithm: Algorithm,
    ) -> Result<Digest, Error> {
        let claim = self.busy.claim(session)?;
        let files = Arc::clone(self);
        blocking(move || {
            let _claim = claim;
            match length {
                0 => Ok(Hasher::new(algorithm).finish()),
                _ => hash(&files.read_upload(session)?, length, algorithm),
            }
        })
        .await
    }

    pub(crate) async fn uploaded(
        self: &Arc<Files>,
        session: Uuid,
        length: u64,
    ) -> Result<Bytes, Error> {
        if length > SMALL_BLOB {
            return Err(Error::TooLarge { limit: SMALL_BLOB });
        }
        let files = Arc::clone(self);
        blocking(move || {
            let mut bytes = vec![0; length as usize];
            if length > 0 {
                files.read_upload(session)?.read_exact_at(&mut bytes, 0)?;
            }
            Ok(bytes.into())
        })
        .await
    }

    fn read_upload(&self, session: Uuid) -> Result<File, Error> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let opened = rustix::fs::openat(&self.uploads, session.to_string(), flags, Mode::empty());
        match opened {
            Ok(file) => Ok(File::from(file)),
            Err(rustix::io::Errno::NOENT) => Err(Error::Missing),
            Err(errno) => Err(Error::Io(errno.into())),
        }
    }

    pub(crate) async fn promote(
        self: &Arc<Files>,
        session: Uuid,
        size: u64,
        object: &Object,
    ) -> Result<(), Error> {
        self.disk.writable()?;
        let claim = self.busy.claim(session)?;
        let (files, object) = (Arc::clone(self), object.clone());
        blocking(move || {
            let _claim = claim;
            let upload = session.to_string();
            let create = if size == 0 { OFlags::CREATE } else { OFlags::empty() };
            let file = match files.disk.open(&files.uploads, &upload, create) {
                Err(Error::Missing) => return files.keep_again(&object, size),
                opened => opened?,
            };
            has_size(&file, size)?;
            files.rare.make_for(&object, &files.disk, &files.blobs)?;
            // The name before the flush: one journal commit then covers both, and nobody can know the name yet.
            files.disk.rename(&files.uploads, &upload, &files.blobs, object.as_str())?;
            files.keep(&object, &file)
        })
        .await
    }

    pub(crate) async fn place(
        self: &Arc<Files>,
        object: &Object,
        bytes: Bytes,
    ) -> Result<(), Error> {
        if bytes.len() as u64 > SMALL_BLOB {
            return Err(Error::TooLarge { limit: SMALL_BLOB });
        }
        self.disk.writable()?;
        let (files, object) = (Arc::clone(self), object.clone());
        blocking(move || {
            files.rare.make_for(&object, &files.disk, &files.blobs)?;
            let file =
                files.disk.open(&files.blobs, object.as_str(), OFlags::CREATE | OFlags::EXCL)?;
            if let Err(error) = files.disk.write(&file, slice::from_ref(&bytes), 0) {
                files.abandon(&files.blobs, object.as_str());
                return Err(error);
            }
            files.keep(&object, &file)
        })
        .await
    }

    /// Ends a promotion that came as far as the new name, and whose caller never got to know. It may have been a flush
    /// that failed, so the bytes are compared as the disk has them.
    fn keep_again(&self, object: &Object, size: u64) -> Result<(), Error> {
        let digest = object.digest().ok_or(Error::Missing)?;
        let opened = rustix::fs::openat(&self.blobs, object.as_str(), READ, Mode::empty());
        let file = File::from(opened.map_err(judged)?);
        has_size(&file, size)?;
        self.keep(object, &file)?;
        // A hint. What is flushed is then read from the disk.
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
        if hash(&file, size, digest.algorithm())? == digest { Ok(()) } else { Err(Error::Missing) }
    }

    /// Makes a file that has its final name durable, bytes and name. When that fails, the file goes: after a failed
    /// flush a second one may succeed without the bytes being on the disk, so nobody must get to try.
    fn keep(&self, object: &Object, file: &File) -> Result<(), Error> {
        let kept =
            self.disk.make_read_only(file).and_then(|()| self.disk.sync(file)).and_then(|()| {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let folder = rustix::fs::openat(&self.blobs, object.folder(), flags, Mode::empty())
                    .map_err(|errno| Error::Io(errno.into()))?;
                self.disk.sync_folder(folder)
            });
        if kept.is_err() {
            self.abandon(&self.blobs, object.as_str());
        }
        kept
    }

    /// Flushes the bytes and, as the upload may be new, its name.
    pub(crate) async fn sync(self: &Arc<Files>, session: Uuid) -> Result<(), Error> {
        self.disk.writable()?;
        let files = Arc::clone(self);
        blocking(move || {
            let upload = session.to_string();
            let file = files.disk.open(&files.uploads, &upload, OFlags::empty())?;
            let synced =
                files.disk.sync_data(&file).and_then(|()| files.disk.sync_folder(&files.uploads));
            if synced.is_err() {
                files.abandon(&files.uploads, &upload);
            }
            synced
        })
        .await
    }

    pub(crate) async fn discard(self: &Arc<Files>, session: Uuid) -> Result<(), Error> {
        self.disk.writable()?;
        let files = Arc::clone(self);
        blocking(move || files.disk.remove(&files.uploads, &session.to_string())).await
    }

    pub(crate) async fn delete(self: &Arc<Files>, object: &Object) -> Result<(), Error> {
        self.disk.writable()?;
        let (files, object) = (Arc::clone(self), object.clone());
        blocking(move || {
            let removed = files.disk.remove(&files.blobs, object.as_str());
            // In this order: who opened it before and remembers it after this line sees that it has no name.
            files.opened.forget(&object);
            removed
        })
        .await
    }

    /// Removes bytes after a failure whose own error matters more.
    fn abandon(&self, folder: &OwnedFd, name: &str) {
        if let Err(error) = self.disk.remove(folder, name) {
            tracing::warn!(name, %error, "bytes of a failed write stay until the sweep");
        }
    }
}

/// The digest of the first `length` bytes.
fn hash(file: &File, length: u64, algorithm: Algorithm) -> Result<Digest, Error> {
    let mut hasher = Hasher::new(algorithm);
    let mut piece = vec![0; HASHED_AT_ONCE];
    while hasher.length() < length {
        let offset = hasher.length();
        let wanted = piece.len().min((length - offset) as usize);
        let read = file.read_at(&mut piece[..wanted], offset)?;
        if read == 0 {
            return Err(Error::WrongSize { expected: length, held: offset });
        }
        hasher.update(&piece[..read]);
    }
    Ok(hasher.finish())
}

fn has_size(file: &File, expected: u64) -> Result<(), Error> {
    let held = file.metadata()?.len();
    if held == expected { Ok(()) } else { Err(Error::WrongSize { expected, held }) }
}
