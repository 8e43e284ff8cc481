//! The store as the registry sees it, whatever keeps the bytes. Engines: files, today; an object store joins the enum
//! with its own module. How files are laid out and written is in `files`.

use std::{io, num::NonZeroUsize, path::Path, sync::Arc, time::SystemTime};

use bytes::Bytes;
use futures_util::Stream;
use uuid::Uuid;
use wharf_oci::{Algorithm, Digest, Hasher};

use crate::{AppendError, Content, Error, Object, files::Files};

/// The most bytes that [`Store::place`] takes.
pub const SMALL_BLOB: u64 = 1 << 20;

/// Content-addressed bytes. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Store(Engine);

#[derive(Clone)]
enum Engine {
    Files(Arc<Files>),
}

/// How a store of files behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many objects stay open between reads, so that a hot blob costs no `open` and `close`. Each costs a file
    /// descriptor.
    pub open_files: NonZeroUsize,
}

impl Default for Options {
    fn default() -> Self {
        Options { open_files: NonZeroUsize::new(512).expect("512 is not zero") }
    }
}

/// Where an upload stands after an append. The caller saves both before it answers.
pub struct Appended {
    /// The state of the hash over everything received.
    pub hasher: Hasher,
    /// Bytes of the whole upload so far.
    pub received: u64,
}

/// One thing found by a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<Name> {
    /// Which one: an upload's id or an object's name.
    pub name: Name,
    /// In bytes.
    pub size: u64,
    /// Last write, by the store's clock.
    pub modified: SystemTime,
}

/// Room on the disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What may still be written.
    pub free: u64,
    /// The size of the file system.
    pub total: u64,
}

impl Store {
    /// Opens the store in the folder `root`, and makes the folder (not those above it) when it is new. Blocks a moment: for the start
    /// of the process. Errors: [`Error::Layout`] for a folder of another version, [`Error::Devices`] when the folders
    /// inside are on different devices, [`Error::Io`].
    pub fn files(root: &Path, options: Options) -> Result<Store, Error> {
        Ok(Store(Engine::Files(Arc::new(Files::open(root, &options)?))))
    }

    /// Writes `bytes` to the upload `id` from `offset` on, hashing on the way. `hasher` has seen the first `offset`
    /// bytes; what the upload's file holds beyond them is an earlier write that nobody acknowledged and is cut off.
    /// An append at 0 begins the upload. The whole upload may have at most `limit` bytes. Nothing is durable yet: see
    /// [`Store::sync`] and [`Store::promote`]. When the future is dropped, the upload can go on from the old offset.
    pub async fn append<S, E>(
        &self,
        id: Uuid,
        offset: u64,
        hasher: Hasher,
        bytes: S,
        limit: u64,
    ) -> Result<Appended, AppendError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        match &self.0 {
            Engine::Files(files) => files.append(id, offset, hasher, bytes, limit).await,
        }
    }

    /// Makes the bytes that the upload has so far durable. When this fails, the upload is gone: after a failed flush
    /// nobody knows what the disk holds.
    pub async fn sync(&self, id: Uuid) -> Result<(), Error> {
        match &self.0 {
            Engine::Files(files) => files.sync(id).await,
        }
    }

    /// Hashes the first `length` bytes of the upload anew, for a client that names another algorithm at the end than
    /// the one its bytes were hashed with on the way.
    pub async fn hash(&self, id: Uuid, length: u64, algorithm: Algorithm) -> Result<Digest, Error> {
        match &self.0 {
            Engine::Files(files) => files.hash(id, length, algorithm).await,
        }
    }

    /// The bytes of a small upload of exactly `length` bytes (at most [`SMALL_BLOB`]), for a caller that keeps them
    /// elsewhere and then discards the upload.
    pub async fn uploaded(&self, id: Uuid, length: u64) -> Result<Bytes, Error> {
        match &self.0 {
            Engine::Files(files) => files.uploaded(id, length).await,
        }
    }

    /// Turns the upload of exactly `size` bytes into `object`, durably. The caller has compared the hash with the
    /// digest in its name, and never uses a name twice. Nobody can find the object before the caller commits its row. An upload without bytes need not have
    /// been begun. Errors: [`Error::WrongSize`] and [`Error::Busy`] leave the upload as it is; after a failure on the
    /// way to the disk there is neither object nor upload.
    pub async fn promote(&self, id: Uuid, object: &Object, size: u64) -> Result<(), Error> {
        match &self.0 {
            Engine::Files(files) => files.promote(id, object, size).await,
        }
    }

    /// Stores a small whole blob (at most [`SMALL_BLOB`] bytes), durably and without an upload. The caller has compared
    /// the hash with `digest`; `id` is new.
    pub async fn place(&self, id: Uuid, digest: &Digest, bytes: Bytes) -> Result<Object, Error> {
        match &self.0 {
            Engine::Files(files) => files.place(id, digest, bytes).await,
        }
    }

    /// Removes an upload's bytes. Without effect when there are none.
    pub async fn discard(&self, id: Uuid) -> Result<(), Error> {
        match &self.0 {
            Engine::Files(files) => files.discard(id).await,
        }
    }

    /// Removes an object. Without effect when it is gone. Who is reading it reads on to the end.
    pub async fn delete(&self, object: &Object) -> Result<(), Error> {
        match &self.0 {
            Engine::Files(files) => files.delete(object).await,
        }
    }

    /// Opens an object for reading. [`Error::Missing`] when it is not there.
    pub async fn open(&self, object: &Object) -> Result<Content, Error> {
        match &self.0 {
            Engine::Files(files) => files.content(object).await,
        }
    }

    /// All uploads that have bytes, in no order. What begins or ends meanwhile may or may not appear.
    pub fn uploads(&self) -> impl Stream<Item = io::Result<Listed<Uuid>>> + Send + 'static {
        match &self.0 {
            Engine::Files(files) => files.list_uploads(),
        }
    }

    /// All objects, in no order. What is promoted or deleted meanwhile may or may not appear, and an object appears
    /// here before its row is committed: the sweep must spare young ones.
    pub fn objects(&self) -> impl Stream<Item = io::Result<Listed<Object>>> + Send + 'static {
        match &self.0 {
            Engine::Files(files) => files.list_objects(),
        }
    }

    /// How much room the disk has.
    pub fn free(&self) -> io::Result<Space> {
        match &self.0 {
            Engine::Files(files) => files.space(),
        }
    }

    /// True once the disk has failed: the store then refuses writes until it is opened anew.
    pub fn failed(&self) -> bool {
        match &self.0 {
            Engine::Files(files) => files.disk.failed(),
        }
    }

    /// The failures planned for this store's disk calls.
    #[cfg(any(test, feature = "faults"))]
    pub fn faults(&self) -> &crate::Faults {
        match &self.0 {
            Engine::Files(files) => &files.disk.faults,
        }
    }
}
