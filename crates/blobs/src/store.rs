//! The store as the registry sees it, whatever keeps the bytes. The engines are in `files` and `s3`; here is what both
//! promise.

use std::{io, num::NonZeroUsize, path::Path, sync::Arc, time::Duration, time::SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use uuid::Uuid;
use wharf_oci::{Algorithm, Digest};

use crate::{
    AppendError, Content, End, Error, Object, Parts, Progress, S3Settings, files::Files, s3::S3,
};

/// The most bytes that [`Store::place`] takes.
pub const SMALL_BLOB: u64 = 1 << 20;

/// Content-addressed bytes. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Store(pub(crate) Engine);

#[derive(Clone)]
pub(crate) enum Engine {
    Files(Arc<Files>),
    S3(Arc<S3>),
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

/// One thing found by a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<Name> {
    /// Which one: an upload's session or an object's name.
    pub name: Name,
    /// In bytes; 0 for an upload on S3, where a listing does not tell it.
    pub size: u64,
    /// Last write, by the store's clock. For what was sent to S3 in parts, when that began.
    pub modified: SystemTime,
}

/// What became of an object that was to be put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// It is not under its name any more.
    Moved,
    /// It is where it was: the caller has to see to it that nobody finds it, and that no sweep takes it.
    Stays,
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

    /// Opens the store in a bucket of S3, and tries out that the bucket does what is needed: put, get, ranged get,
    /// head, a multipart upload of two parts, abort, delete, all under `probe/` and removed again. A bucket that takes
    /// bytes with a wrong checksum is only warned of: what is stored there is still compared by length. Errors:
    /// [`Error::Unusable`] says what is wrong and what to do, [`Error::Io`] that the spool folder cannot be used.
    pub async fn s3(settings: S3Settings) -> Result<Store, Error> {
        Ok(Store(Engine::S3(Arc::new(S3::open(settings).await?))))
    }

    /// Whether the bytes are on this machine's own disk, where one process alone works on them and what was not
    /// flushed is lost with the machine's power.
    pub fn is_local(&self) -> bool {
        matches!(self.0, Engine::Files(_))
    }

    #[cfg(test)]
    pub(crate) fn of_s3(s3: S3) -> Store {
        Store(Engine::S3(Arc::new(s3)))
    }

    /// Writes `bytes` behind those that `progress` tells of, hashing on the way. A session is a new one for each
    /// upload's life. The whole upload may have at most `limit` bytes. Nothing is durable yet: see [`Store::sync`] and
    /// [`Store::promote`]. When the future is dropped, the upload can go on from the old progress: what was written
    /// beyond it was not acknowledged by anybody and is written again.
    pub async fn append<S, E>(
        &self,
        session: Uuid,
        progress: Progress,
        bytes: S,
        limit: u64,
        end: End,
    ) -> Result<Progress, AppendError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        match &self.0 {
            Engine::Files(files) => files.append(session, progress, bytes, limit).await,
            Engine::S3(s3) => s3.append(session, progress, bytes, limit, end).await,
        }
    }

    /// Makes the bytes that the upload has so far durable. On S3 they are. When this fails, the upload is gone: after a
    /// failed flush nobody knows what the disk holds.
    pub async fn sync(&self, session: Uuid) -> Result<(), Error> {
        match &self.0 {
            Engine::Files(files) => files.sync(session).await,
            Engine::S3(_) => Ok(()),
        }
    }

    /// Hashes what the upload has so far anew, for a client that names another algorithm at the end than the one its
    /// bytes were hashed with on the way. Ends an upload on S3, as parts can be read only as a whole object, and
    /// records that in `progress`.
    pub async fn hash(
        &self,
        session: Uuid,
        progress: &mut Progress,
        algorithm: Algorithm,
    ) -> Result<Digest, Error> {
        match &self.0 {
            Engine::Files(files) => files.hash(session, progress.received, algorithm).await,
            Engine::S3(s3) => s3.hash(session, progress, algorithm).await,
        }
    }

    /// The bytes of a small upload (at most [`SMALL_BLOB`]), for a caller that keeps them elsewhere and then discards
    /// the upload.
    pub async fn uploaded(&self, session: Uuid, progress: &Progress) -> Result<Bytes, Error> {
        match &self.0 {
            Engine::Files(files) => files.uploaded(session, progress.received).await,
            Engine::S3(s3) => s3.uploaded(session, progress).await,
        }
    }

    /// The name that the upload's bytes get by [`Store::promote`]; with no parts, a new one for [`Store::place`]. On
    /// S3 it may change with each append and each call, so it is asked for right before, and once.
    pub fn name(&self, session: Uuid, parts: &Parts, digest: &Digest) -> Object {
        match &self.0 {
            Engine::Files(_) => Object::of_digest(digest, session),
            Engine::S3(_) => S3::name(session, parts),
        }
    }

    /// Turns the upload into `object`, durably. The caller has compared the hash with the digest, and the name is the
    /// one that [`Store::name`] gave. Nobody can find the object before the caller commits its row. An upload without
    /// bytes need not have been begun. Errors: [`Error::WrongSize`], [`Error::Busy`] and [`Error::Unavailable`] leave
    /// the upload as it is; after another failure on the way there may be neither object nor upload.
    pub async fn promote(
        &self,
        session: Uuid,
        progress: &Progress,
        object: &Object,
    ) -> Result<(), Error> {
        match &self.0 {
            Engine::Files(files) => files.promote(session, progress.received, object).await,
            Engine::S3(s3) => s3.promote(session, progress, object).await,
        }
    }

    /// Stores a small whole blob (at most [`SMALL_BLOB`] bytes), durably and without an upload. The caller has compared
    /// the hash with the digest, and the name is a new one.
    pub async fn place(&self, object: &Object, bytes: Bytes) -> Result<(), Error> {
        if bytes.len() as u64 > SMALL_BLOB {
            return Err(Error::TooLarge { limit: SMALL_BLOB });
        }
        match &self.0 {
            Engine::Files(files) => files.place(object, bytes).await,
            Engine::S3(s3) => s3.place(object, bytes).await,
        }
    }

    /// Removes an upload's bytes. Without effect when there are none. Without parts (a stray that no row knows) what
    /// there is is looked for; of S3 that means multipart uploads, as the other bytes of a stray are listed as objects.
    pub async fn discard(&self, session: Uuid, parts: Option<&Parts>) -> Result<(), Error> {
        match &self.0 {
            Engine::Files(files) => files.discard(session).await,
            Engine::S3(s3) => s3.discard(session, parts).await,
        }
    }

    /// Removes an object. Without effect when it is gone. Who is reading it from a file reads on to the end.
    pub async fn delete(&self, object: &Object) -> Result<(), Error> {
        match &self.0 {
            Engine::Files(files) => files.delete(object).await,
            Engine::S3(s3) => s3.delete(object).await,
        }
    }

    /// Opens an object of `size` bytes for reading. [`Error::Missing`] when it is not there; S3 is not asked before the
    /// first read, which then fails with the kind `NotFound`.
    pub async fn open(&self, object: &Object, size: u64) -> Result<Content, Error> {
        match &self.0 {
            Engine::Files(files) => files.content(object).await,
            Engine::S3(s3) => Ok(s3.content(object, size)),
        }
    }

    /// Whether the object is there, under its name and whole. On S3 a yes is remembered for half a minute.
    pub async fn exists(&self, object: &Object, size: u64) -> Result<bool, Error> {
        match &self.0 {
            Engine::Files(files) => match files.content(object).await {
                Ok(content) => Ok(content.size == size && files.is_named(object, &content)?),
                Err(Error::Missing) => Ok(false),
                Err(error) => Err(error),
            },
            Engine::S3(s3) => s3.exists(object, size).await,
        }
    }

    /// A URL at which anybody can GET the object for that long (whole seconds, at most seven days), where the store has
    /// such URLs and may give them away. Whether the object exists is not asked.
    pub async fn signed_url(
        &self,
        object: &Object,
        lifetime: Duration,
    ) -> Result<Option<String>, Error> {
        match &self.0 {
            Engine::Files(_) => Ok(None),
            Engine::S3(s3) => s3.signed_url(object, lifetime).await,
        }
    }

    /// Opens an object as the disk has it now, whatever is remembered of it: for who wants to know whether its bytes are
    /// still right. [`Error::Missing`] when it is not there.
    pub async fn open_anew(&self, object: &Object) -> Result<Content, Error> {
        match &self.0 {
            Engine::Files(files) => files.content_anew(object).await,
            Engine::S3(s3) => s3.content_anew(object).await,
        }
    }

    /// Puts an object whose bytes are wrong aside, into the folder `quarantine`, where nothing finds, lists or deletes
    /// it. From then on it is missing. Without effect when it is gone. On S3 a large one stays where it is.
    pub async fn quarantine(&self, object: &Object) -> Result<Aside, Error> {
        match &self.0 {
            Engine::Files(files) => files.quarantine(object).await.map(|()| Aside::Moved),
            Engine::S3(s3) => s3.quarantine(object).await,
        }
    }

    /// All uploads that have bytes, in no order; an upload may appear more than once. What begins or ends meanwhile may
    /// or may not appear. On S3 only those that have sent parts: the bytes of the others are among the objects.
    pub fn uploads(&self) -> impl Stream<Item = io::Result<Listed<Uuid>>> + Send + 'static {
        match &self.0 {
            Engine::Files(files) => files.list_uploads().left_stream(),
            Engine::S3(s3) => s3.list_uploads().right_stream(),
        }
    }

    /// All objects, in no order. What is promoted or deleted meanwhile may or may not appear, and an object appears
    /// here before its row is committed: the sweep must spare young ones. On S3 the bytes of unfinished uploads are
    /// objects too: the sweep must spare those whose [`Object::session`] has a row.
    pub fn objects(&self) -> impl Stream<Item = io::Result<Listed<Object>>> + Send + 'static {
        match &self.0 {
            Engine::Files(files) => files.list_objects().left_stream(),
            Engine::S3(s3) => s3.list_objects().right_stream(),
        }
    }

    /// How much room the disk has; None where there is no such bound.
    pub fn free(&self) -> io::Result<Option<Space>> {
        match &self.0 {
            Engine::Files(files) => files.space().map(Some),
            Engine::S3(_) => Ok(None),
        }
    }

    /// True once the disk has failed: the store then refuses writes until it is opened anew. An object store does not
    /// end like that.
    pub fn failed(&self) -> bool {
        match &self.0 {
            Engine::Files(files) => files.disk.failed(),
            Engine::S3(_) => false,
        }
    }

    /// The failures planned for this store's disk calls.
    ///
    /// # Panics
    /// For a store that has no disk.
    #[cfg(any(test, feature = "faults"))]
    pub fn faults(&self) -> &crate::Faults {
        match &self.0 {
            Engine::Files(files) => &files.disk.faults,
            Engine::S3(_) => panic!("an S3 store has no disk calls"),
        }
    }
}
