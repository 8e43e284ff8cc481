//! The body of an answer on its way out: its bytes are counted, and its end, or its being dropped
//! before, ends the record of the request.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::record::Record;

/// A last frame above this size, in bytes, is not announced as the last: the HTTP writer then
/// lets go of the body only after the frame has gone to the kernel, and the time logged is true.
const LARGE: usize = 64 << 10;

pin_project_lite::pin_project! {
    /// A response body with the record of its request. It changes neither frames nor size.
    pub struct Outbound<B> {
        #[pin]
        body: B,
        record: Record,
        large: bool,
    }
}

impl<B: Body> Outbound<B> {
    pub(super) fn new(body: B, mut record: Record) -> Self {
        match body.size_hint().exact() {
            _ if record.is_bodiless() || body.is_end_stream() => record.complete(),
            expected => record.expected = expected,
        }
        Self { body, record, large: false }
    }
}

impl<B: Body<Data = Bytes>> Body for Outbound<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, Bytes::len);
                this.record.sent(len);
                *this.large = len > LARGE;
                if !*this.large && this.body.is_end_stream() {
                    this.record.complete();
                }
            }
            Some(Err(_)) => {}
            None => this.record.complete(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        !self.large && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
