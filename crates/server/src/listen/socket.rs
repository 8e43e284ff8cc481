//! The TCP socket under every connection, plain or TLS: it sends files without copying them (see
//! `sendfile.rs`), gives up on a peer that takes nothing for too long, counts what arrives, and
//! closes without cutting off the last answer. It knows nothing of HTTP.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendFlags};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::sendfile::{Next, Sendfile};

/// How much of what a client still sends after our last answer is read and thrown away, in bytes.
/// Closing with unread bytes would make the kernel reset the connection and lose the answer.
const LINGER_BYTES: usize = 8 << 20;
/// How long a closed connection waits for the client to close its side.
const LINGER: Duration = Duration::from_secs(2);

/// A TCP stream with a limit on how long a write may make no progress.
pub struct Socket {
    stream: TcpStream,
    sendfile: Sendfile,
    received: Arc<AtomicU64>,
    stall: Stall,
    linger: Option<Linger>,
}

impl Socket {
    /// Wraps `stream`; a write that makes no progress for `idle` fails with `TimedOut`.
    pub fn new(stream: TcpStream, idle: Duration) -> Self {
        Self {
            stream,
            sendfile: Sendfile::default(),
            received: Arc::default(),
            stall: Stall::new(idle),
            linger: None,
        }
    }

    /// The handle through which responses of this connection send files.
    pub fn sendfile(&self) -> Sendfile {
        self.sendfile.clone()
    }

    /// The count of bytes received so far, as it grows.
    pub fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let next = self.sendfile.next(slices)?;
        let sent = ready!(self.poll_progress(cx, &next, slices))?;
        if let Next::File { .. } = next {
            if sent == 0 {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "a file is shorter than the range that is being sent",
                )));
            }
            self.sendfile.sent(sent);
        }
        Poll::Ready(Ok(sent))
    }

    /// Sends when the socket has room. The runtime reports room only when a third of the send
    /// buffer is free, which a slow reader may take minutes to reach; so from time to time the
    /// write is tried anyway, and only a peer that took nothing at all is given up.
    fn poll_progress(
        &mut self,
        cx: &mut Context<'_>,
        next: &Next,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let sent = if self.stream.poll_write_ready(cx)?.is_ready() {
                let attempt = || send(&self.stream, next, slices);
                self.stream.try_io(Interest::WRITABLE, attempt)
            } else {
                ready!(self.stall.poll_probe(cx));
                send(&self.stream, next, slices).or_else(|error| self.stall.probed(error))
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    self.stall.since = None;
                    return Poll::Ready(done);
                }
            }
        }
    }

    /// Reads what still comes in until the peer closes too, so that our last answer arrives.
    fn poll_linger(&mut self, cx: &mut Context<'_>, linger: &mut Linger) -> Poll<()> {
        let mut scratch = [0; 8 << 10];
        while linger.bytes < LINGER_BYTES && linger.alarm.poll_at(cx, linger.until).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            linger.bytes += buffer.filled().len();
        }
        Poll::Ready(())
    }
}

fn send(stream: &TcpStream, next: &Next, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match next {
        Next::Bytes { slices: 1, more: false } => {
            Ok(rustix::net::send(stream, &slices[0], SendFlags::NOSIGNAL)?)
        }
        Next::Bytes { slices: n, more } => {
            let mut flags = SendFlags::NOSIGNAL;
            // The head waits for the first bytes of the file, so that both share a packet.
            flags.set(SendFlags::MORE, *more);
            let mut control = SendAncillaryBuffer::default();
            Ok(rustix::net::sendmsg(stream, &slices[..*n], &mut control, flags)?)
        }
        Next::File { file, offset, len } => {
            let mut offset = *offset;
            Ok(rustix::fs::sendfile(stream, file, Some(&mut offset), *len)?)
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.sendfile.close();
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let n = (buffer.filled().len() - before) as u64;
        self.received.fetch_add(n, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, slices)
    }

    /// True: only then does the HTTP/1 writer pass body slices on as they are.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut linger = match self.linger.take() {
            Some(linger) => linger,
            None => {
                ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
                Linger::new()
            }
        };
        let done = self.poll_linger(cx, &mut linger);
        self.linger = Some(linger);
        done.map(Ok)
    }
}

/// The time since which a peer has taken nothing.
struct Stall {
    limit: Duration,
    since: Option<Instant>,
    probe: Instant,
    alarm: Alarm,
}

impl Stall {
    fn new(limit: Duration) -> Self {
        Self { limit, since: None, probe: Instant::now(), alarm: Alarm::default() }
    }

    /// Ready when it is time to try a write although the runtime reports no room.
    fn poll_probe(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.since.is_none() {
            let now = Instant::now();
            self.since = Some(now);
            self.probe = now + self.limit / 4;
        }
        self.alarm.poll_at(cx, self.probe)
    }

    /// Decides on a write that was tried without room: wait on, or give the peer up.
    fn probed(&mut self, error: io::Error) -> io::Result<usize> {
        let now = Instant::now();
        self.probe = now + self.limit / 4;
        let stalled = self.since.is_some_and(|since| now >= since + self.limit);
        if stalled && error.kind() == io::ErrorKind::WouldBlock {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the peer took no byte for {:?}", self.limit),
            ));
        }
        Err(error)
    }
}

struct Linger {
    bytes: usize,
    until: Instant,
    alarm: Alarm,
}

impl Linger {
    fn new() -> Self {
        Self { bytes: 0, until: Instant::now() + LINGER, alarm: Alarm::default() }
    }
}
