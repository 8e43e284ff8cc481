//! The bytes of one object, for reading: as a stream of chunks, whole when small, or as the file itself for senders
//! that copy nothing. Whether the bytes still match their digest is the scrub's question, not asked here.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    ops::Range,
    os::unix::fs::{FileExt, MetadataExt},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use rustix::io::{Errno, ReadWriteFlags};

use crate::{Error, s3::Remote};

/// The most bytes in one chunk of a stream.
const CHUNK: u64 = 256 * 1024;

/// The most bytes that [`Content::small`] gives.
const SMALL: u64 = 64 * 1024;

/// An open object. Clones share the file; one that is a file stays readable when the object is deleted meanwhile.
#[derive(Clone, Debug)]
pub struct Content {
    /// In bytes. An object never changes.
    pub size: u64,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    File(Arc<File>),
    Remote(Remote),
}

impl Content {
    pub(crate) fn of_file(file: Arc<File>) -> io::Result<Content> {
        Ok(Content { size: file.metadata()?.len(), source: Source::File(file) })
    }

    pub(crate) fn of_remote(remote: Remote, size: u64) -> Content {
        Content { size, source: Source::Remote(remote) }
    }

    /// Whether the object still has its name, as far as that can be told without asking for it anew.
    pub(crate) fn is_named(&self) -> io::Result<bool> {
        match &self.source {
            Source::File(file) => Ok(file.metadata()?.nlink() > 0),
            Source::Remote(_) => Ok(true),
        }
    }

    /// The file, for `sendfile` and the like, where the object is one. Its cursor is shared: read at offsets only.
    pub fn file(&self) -> Option<Arc<File>> {
        match &self.source {
            Source::File(file) => Some(Arc::clone(file)),
            Source::Remote(_) => None,
        }
    }

    /// The bytes of `range`, in chunks. The stream ends with an error, and never early, when the object turns out
    /// shorter; a range that reaches beyond the size is an error of the kind `InvalidInput`.
    ///
    /// Of a file, chunks have at most 256 KiB. What lies in the page cache is read at once, the rest by a blocking
    /// thread. Holds one chunk, and a second one as long as the receiver holds on to it.
    ///
    /// From S3, one GET, and another one for the rest whenever a connection breaks: four that bring nothing, one after
    /// the other, end the stream. An object that is not there is an error of the kind `NotFound`.
    pub fn read(&self, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        if range.start > range.end || range.end > self.size {
            let kind = io::ErrorKind::InvalidInput;
            let beyond = io::Error::new(kind, "the range reaches beyond the object");
            return stream::iter([Err(beyond)]).left_stream();
        }
        let reading = match &self.source {
            Source::File(file) => read_file(Arc::clone(file), range).left_stream(),
            Source::Remote(remote) => remote.read(range, self.size).right_stream(),
        };
        reading.right_stream()
    }

    /// As [`Content::read`], with the first bytes on their way already: what must not be promised to anybody before it
    /// is known to be there. [`Error::Missing`] and [`Error::WrongSize`] when the object is not, or not as it should
    /// be. Of a file that is known since it was opened.
    pub async fn begin(
        &self,
        range: Range<u64>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, Error> {
        let mut reading = Box::pin(self.read(range).fuse());
        if self.file().is_some() {
            return Ok(reading.left_stream());
        }
        let first = reading.next().await.transpose().map_err(told)?;
        Ok(stream::iter(first.map(Ok)).chain(reading).right_stream())
    }

    /// The whole content, when it is at most 64 KiB and can be read without blocking; `None` otherwise, and then
    /// [`Content::read`] is the way.
    pub fn small(&self) -> io::Result<Option<Bytes>> {
        let Source::File(file) = &self.source else { return Ok(None) };
        if self.size > SMALL {
            return Ok(None);
        }
        let mut buffer = BytesMut::zeroed(self.size as usize);
        let mut filled = 0;
        while filled < buffer.len() {
            match read_cached(file, &mut buffer[filled..], filled as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(buffer.freeze()))
    }
}

/// An engine's own error out of that of its stream.
pub(crate) fn told(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::Io(error),
    }
}

fn read_file(
    file: Arc<File>,
    rest: Range<u64>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let reading = Reading { file, rest, nowait: true, last: Bytes::new() };
    stream::unfold(Some(reading), |reading| async { reading?.next().await })
}

/// Reads only what lies in the page cache.
fn read_cached(file: &File, buffer: &mut [u8], offset: u64) -> rustix::io::Result<usize> {
    rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT)
}

/// A stream in the middle of its range.
struct Reading {
    file: Arc<File>,
    rest: Range<u64>,
    /// False once the file system has said that it cannot read without waiting.
    nowait: bool,
    /// The chunk given before: when the receiver is done with it, its memory serves again.
    last: Bytes,
}

type Step = Option<(io::Result<Bytes>, Option<Reading>)>;

impl Reading {
    async fn next(mut self) -> Step {
        if self.rest.is_empty() {
            return None;
        }
        match self.chunk().await {
            Ok(chunk) => {
                self.rest.start += chunk.len() as u64;
                self.last = chunk.clone();
                Some((Ok(chunk), Some(self)))
            }
            Err(error) => Some((Err(error), None)),
        }
    }

    async fn chunk(&mut self) -> io::Result<Bytes> {
        let mut buffer = self.buffer();
        let offset = self.rest.start;
        if self.nowait {
            match read_cached(&self.file, &mut buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    buffer.truncate(read);
                    return Ok(buffer.freeze());
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                // Unsupported, or an error that the blocking read will name.
                Err(_) => self.nowait = false,
            }
        }
        let file = Arc::clone(&self.file);
        let read = move || file.read_exact_at(&mut buffer, offset).map(|()| buffer.freeze());
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
    }

    fn buffer(&mut self) -> BytesMut {
        let length = (self.rest.end - self.rest.start).min(CHUNK) as usize;
        match std::mem::take(&mut self.last).try_into_mut() {
            Ok(mut again) if again.len() >= length => {
                again.truncate(length);
                again
            }
            _ => BytesMut::zeroed(length),
        }
    }
}
