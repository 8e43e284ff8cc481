//! Bytes to push that no store has seen before and that cost the client next to nothing to make:
//! one pseudo-random base, with a number stamped into each 4 KiB. The whole is never held.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};

const PIECE: usize = 256 << 10;
const STAMPED: usize = 4 << 10;

static BASE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(PIECE / 8).flatten().collect()
});

/// The clock makes the first number of a run its own, so that a second run meets no old blob.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    AtomicU64::new(now.as_secs() << 32)
});

/// Bytes that can be made again and again, always the same.
#[derive(Debug, Clone)]
pub enum Content {
    /// Stamped with `number`, `size` bytes long.
    Stamped {
        /// What makes it differ from all others.
        number: u64,
        /// Length in bytes.
        size: u64,
    },
    /// A text, held.
    Text(Bytes),
}

impl Content {
    /// Content of `size` bytes that this run has not used yet.
    pub fn fresh(size: u64) -> Self {
        Self::Stamped { number: NEXT.fetch_add(1, Ordering::Relaxed), size }
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Stamped { size, .. } => *size,
            Self::Text(text) => text.len() as u64,
        }
    }

    /// `sha256:<hex>` of the whole.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < self.size() {
            let piece = self.piece(at, self.size());
            hash.update(&piece);
            at += piece.len() as u64;
        }
        format!("sha256:{}", hex::encode(hash.finalize()))
    }

    /// The whole as a request body with its Content-Length.
    pub fn sized(&self) -> ContentBody {
        self.range(0, self.size())
    }

    /// The whole as a request body of unknown length: chunked transfer coding.
    pub fn streamed(&self) -> ContentBody {
        ContentBody { sized: false, ..self.sized() }
    }

    /// The bytes from `start` up to, not including, `end`, with their Content-Length.
    pub fn range(&self, start: u64, end: u64) -> ContentBody {
        ContentBody { content: self.clone(), at: start, end, sized: true }
    }

    /// The next bytes from `at` on: up to `end` or to the end of the piece, never empty before `end`.
    fn piece(&self, at: u64, end: u64) -> Bytes {
        match self {
            Self::Text(text) => text.slice(at as usize..end as usize),
            Self::Stamped { number, .. } => {
                let within = (at % PIECE as u64) as usize;
                let length = (end - at).min((PIECE - within) as u64) as usize;
                Bytes::from(stamped(*number, at - within as u64)).slice(within..within + length)
            }
        }
    }
}

fn stamped(number: u64, start: u64) -> Vec<u8> {
    let mut piece = BASE.clone();
    for (index, block) in piece.chunks_exact_mut(STAMPED).enumerate() {
        block[..8].copy_from_slice(&number.to_le_bytes());
        block[8..16].copy_from_slice(&(start + (index * STAMPED) as u64).to_le_bytes());
    }
    piece
}

/// A request body that is made piece by piece as it is sent.
#[derive(Debug, Clone)]
pub struct ContentBody {
    content: Content,
    at: u64,
    end: u64,
    sized: bool,
}

impl ContentBody {
    /// No body.
    pub fn empty() -> Self {
        Content::Text(Bytes::new()).sized()
    }
}

impl Body for ContentBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.at == self.end {
            return Poll::Ready(None);
        }
        let piece = self.content.piece(self.at, self.end);
        self.at += piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.at == self.end
    }

    fn size_hint(&self) -> SizeHint {
        if self.sized { SizeHint::with_exact(self.end - self.at) } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use http_body_util::BodyExt as _;

    async fn bytes(body: ContentBody) -> Bytes {
        body.collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn ranges_join_to_the_whole_and_its_digest() {
        for size in [0, 1, 4096, 16 << 10, PIECE as u64, 3 * PIECE as u64 + 17] {
            let content = Content::fresh(size);
            let whole = bytes(content.streamed()).await;
            assert_eq!(whole.len() as u64, size);
            assert_eq!(content.digest(), format!("sha256:{}", hex::encode(Sha256::digest(&whole))));
            let cut = size / 3;
            let joined =
                [bytes(content.range(0, cut)).await, bytes(content.range(cut, size)).await]
                    .concat();
            assert_eq!(joined, whole);
        }
    }

    #[tokio::test]
    async fn no_two_blocks_are_alike() {
        let (one, other) = (Content::fresh(2 * PIECE as u64), Content::fresh(2 * PIECE as u64));
        let all = [bytes(one.sized()).await, bytes(other.sized()).await].concat();
        let blocks: std::collections::HashSet<_> = all.chunks(STAMPED).collect();
        assert_eq!(blocks.len(), 4 * PIECE / STAMPED);
    }
}
