//! Zero-copy pulls: a response body made of ranges of files that the kernel moves from the page
//! cache into the socket. The HTTP library only ever sees slices of one static block of zeros;
//! the socket recognises those slices by their address and sends the queued range instead.
//! Writing itself is in `socket.rs`.
//!
//! Wrong bytes must never go out. The HTTP/1 writer offers everything it holds in each call, so
//! in each call the placeholder slices and the queued ranges must be the same, one to one and
//! byte for byte in length. Anything else (a layer that copied or cut the body, a handle used on
//! another connection, a body that was polled and thrown away) ends the connection.
//!
//! A read of a cold file blocks the thread that calls `sendfile(2)`, as it does in nginx; one
//! call moves at most [`FRAME`] bytes, which bounds the wait to one read of that size.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The largest body frame and the largest single `sendfile(2)`, in bytes.
pub const FRAME: usize = 1 << 20;

/// Never written and never read: it lies in zero pages that no memory backs.
static PLACEHOLDER: [u8; FRAME] = [0; FRAME];

/// The way to send files on one plain HTTP/1 connection. A request carries it in its extensions
/// exactly when the answer can be sent that way.
#[derive(Clone, Default)]
pub struct Sendfile {
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    ranges: VecDeque<Queued>,
    closed: bool,
}

struct Queued {
    file: Arc<File>,
    offset: u64,
    remaining: usize,
}

/// What the socket has to do next.
pub(super) enum Next {
    /// Write the first `slices` slices; `more` says that a file follows at once.
    Bytes { slices: usize, more: bool },
    /// Send from a file, then call [`Sendfile::sent`].
    File { file: Arc<File>, offset: u64, len: usize },
}

impl Sendfile {
    /// A response body of the bytes `range` of `file`, which must not change while it is sent.
    /// If the file turns out shorter the connection is closed before the answer is complete. The
    /// body must reach the connection that this handle came from, unchanged.
    pub fn body(&self, file: Arc<File>, range: Range<u64>) -> FileBody {
        FileBody { sendfile: self.clone(), file, range }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, queued: Queued) {
        let mut queue = self.lock();
        if !queue.closed {
            queue.ranges.push_back(queued);
        }
    }

    /// Compares what the HTTP writer offers with what is queued.
    ///
    /// # Errors
    /// `InvalidData` when the two do not match; nothing may be written then.
    pub(super) fn next(&self, slices: &[IoSlice<'_>]) -> io::Result<Next> {
        let queue = self.lock();
        let mut queued = queue.ranges.iter();
        let mut leading = 0;
        let mut file_first = false;
        let mut file_seen = false;
        for slice in slices {
            if slice.is_empty() {
                leading += usize::from(!file_seen);
            } else if is_placeholder(slice) {
                if queued.next().is_none_or(|range| range.remaining != slice.len()) {
                    return Err(mismatch("a file slice without its file"));
                }
                file_first |= !file_seen && slices[..leading].iter().all(|s| s.is_empty());
                file_seen = true;
            } else {
                leading += usize::from(!file_seen);
            }
        }
        if queued.next().is_some() {
            return Err(mismatch("a queued file without its slice"));
        }
        match queue.ranges.front() {
            Some(front) if file_first => Ok(Next::File {
                file: Arc::clone(&front.file),
                offset: front.offset,
                len: front.remaining.min(FRAME),
            }),
            _ => Ok(Next::Bytes { slices: leading, more: file_seen }),
        }
    }

    /// Takes note that `n` bytes of the front file have gone out.
    pub(super) fn sent(&self, n: usize) {
        let mut queue = self.lock();
        if let Some(front) = queue.ranges.front_mut() {
            front.offset += n as u64;
            front.remaining = front.remaining.saturating_sub(n);
            if front.remaining == 0 {
                queue.ranges.pop_front();
            }
        }
    }

    /// Lets go of all files; called when the connection ends.
    pub(super) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.ranges.clear();
    }
}

fn is_placeholder(slice: &[u8]) -> bool {
    let start = PLACEHOLDER.as_ptr() as usize;
    let at = slice.as_ptr() as usize;
    (start..start + FRAME).contains(&at)
}

fn mismatch(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what}: the connection is closed rather than send wrong bytes"),
    )
}

/// A body whose bytes the kernel takes from a file. See [`Sendfile::body`].
pub struct FileBody {
    sendfile: Sendfile,
    file: Arc<File>,
    range: Range<u64>,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.range.is_empty() {
            return Poll::Ready(None);
        }
        let left = this.range.end - this.range.start;
        let len = usize::try_from(left).unwrap_or(FRAME).min(FRAME);
        this.sendfile.push(Queued {
            file: Arc::clone(&this.file),
            offset: this.range.start,
            remaining: len,
        });
        this.range.start += len as u64;
        let frame = Frame::data(Bytes::from_static(&PLACEHOLDER[..len]));
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.range.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.range.end.saturating_sub(self.range.start))
    }
}

#[cfg(test)]
mod tests;
