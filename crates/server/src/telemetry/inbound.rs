//! The body of a request on its way in: its bytes are counted, and a client that sends too
//! slowly is given up, so that a few of them cannot hold uploads open for ever.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::listen::alarm::Alarm;

/// The slowest upload that is borne.
#[derive(Clone, Copy, Debug)]
pub struct Floor {
    /// The average that each window after the first must reach, in bytes a second.
    pub rate: u64,
    /// The time over which the average is taken, and which every upload has to get going.
    pub window: Duration,
}

impl Default for Floor {
    fn default() -> Self {
        Self { rate: 16 << 10, window: Duration::from_secs(60) }
    }
}

/// What telemetry learns of a request body.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub bytes: AtomicU64,
    pub too_slow: AtomicBool,
}

/// The client sent less than the floor. The answer becomes 408 and the connection is closed; what
/// had arrived may have been kept, and an upload session can be resumed.
#[derive(Debug)]
pub struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request body arrives too slowly")
    }
}

impl Error for TooSlow {}

/// A request body that is counted and timed. Only time in which we waited for the client counts
/// against it: a slow disk of ours is not its fault.
pub struct Inbound<B> {
    body: B,
    watch: Option<Box<Watch>>,
}

struct Watch {
    flow: Arc<Flow>,
    floor: Floor,
    /// Since when we have been waiting for the client.
    waiting: Option<Instant>,
    /// How long we have waited in this window.
    waited: Duration,
    bytes: u64,
    first: bool,
    alarm: Alarm,
}

impl<B: Body> Inbound<B> {
    /// Wraps `body`; without a flow it has no bytes and nothing is watched.
    pub(super) fn new(body: B, flow: Option<&Arc<Flow>>, floor: Floor) -> Self {
        let watch = flow.map(|flow| {
            Box::new(Watch {
                flow: Arc::clone(flow),
                floor,
                waiting: None,
                waited: Duration::ZERO,
                bytes: 0,
                first: true,
                alarm: Alarm::default(),
            })
        });
        Self { body, watch }
    }
}

impl Watch {
    fn arrived(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        self.flow.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
        }
    }

    /// Ready when the client has been too slow over a whole window.
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<TooSlow> {
        loop {
            let since = *self.waiting.get_or_insert_with(Instant::now);
            let left = self.floor.window.saturating_sub(self.waited);
            ready!(self.alarm.poll_at(cx, since + left));
            let owed = self.floor.rate.saturating_mul(self.floor.window.as_secs().max(1));
            if !self.first && self.bytes < owed {
                self.flow.too_slow.store(true, Ordering::Relaxed);
                return Poll::Ready(TooSlow);
            }
            self.first = false;
            self.bytes = 0;
            self.waited = Duration::ZERO;
            self.waiting = None;
        }
    }
}

impl<B> Body for Inbound<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let Some(watch) = &mut self.watch else {
            return polled.map_err(Into::into);
        };
        match polled {
            Poll::Pending => watch.poll_waiting(cx).map(|slow| Some(Err(slow.into()))),
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|f| f.as_ref().ok()?.data_ref());
                watch.arrived(data.map_or(0, Bytes::len));
                Poll::Ready(frame.map(|f| f.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
