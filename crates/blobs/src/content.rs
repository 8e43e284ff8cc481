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
use futures_util::{Stream, stream};
use rustix::io::{Errno, ReadWriteFlags};

/// The most bytes in one chunk of a stream.
const CHUNK: u64 = 256 * 1024;

/// The most bytes that [`Content::small`] gives.
const SMALL: u64 = 64 * 1024;

/// An open object. Clones share the file; it stays readable when the object is deleted meanwhile.
#[derive(Clone, Debug)]
pub struct Content {
    /// In bytes. An object never changes.
    pub size: u64,
    file: Arc<File>,
}

impl Content {
    pub(crate) fn new(file: Arc<File>) -> io::Result<Content> {
        Ok(Content { size: file.metadata()?.len(), file })
    }

    /// How many names the file has: none once it is deleted.
    pub(crate) fn links(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.nlink())
    }

    /// The file, for `sendfile` and the like, where the object is one. Its cursor is shared: read at offsets only.
    pub fn file(&self) -> Option<Arc<File>> {
        Some(Arc::clone(&self.file))
    }

    /// The bytes of `range`, in chunks of at most 256 KiB. What lies in the page cache is read at once, the rest by a
    /// blocking thread. The stream ends with an error, and never early, when the file turns out shorter; a range that
    /// reaches beyond the size is an error of the kind `InvalidInput`. Holds one chunk, and a second one as long as the
    /// receiver holds on to it.
    pub fn read(
        &self,
        range: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let checked = if range.start <= range.end && range.end <= self.size {
            Ok(Reading {
                file: Arc::clone(&self.file),
                rest: range,
                nowait: true,
                last: Bytes::new(),
            })
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "the range reaches beyond the object"))
        };
        stream::unfold(Some(checked), |reading| async {
            match reading? {
                Ok(reading) => reading.next().await,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// The whole content, when it is at most 64 KiB and can be read without blocking; `None` otherwise, and then
    /// [`Content::read`] is the way.
    pub fn small(&self) -> io::Result<Option<Bytes>> {
        if self.size > SMALL {
            return Ok(None);
        }
        let mut buffer = BytesMut::zeroed(self.size as usize);
        let mut filled = 0;
        while filled < buffer.len() {
            match read_cached(&self.file, &mut buffer[filled..], filled as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(buffer.freeze()))
    }
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

type Step = Option<(io::Result<Bytes>, Option<io::Result<Reading>>)>;

impl Reading {
    async fn next(mut self) -> Step {
        if self.rest.is_empty() {
            return None;
        }
        match self.chunk().await {
            Ok(chunk) => {
                self.rest.start += chunk.len() as u64;
                self.last = chunk.clone();
                Some((Ok(chunk), Some(Ok(self))))
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
