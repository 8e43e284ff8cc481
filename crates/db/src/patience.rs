//! How long something is tried again, and what lies between two tries.

use std::time::{Duration, Instant};

/// How long a lost way to the database is sought again before its loss is told. A restart or a
/// fail-over takes longer; a client that is told so tries again itself.
const LOSS: Duration = Duration::from_secs(2);

/// The tries after a loss.
#[derive(Default)]
pub(crate) struct Patience {
    lost: Option<Instant>,
    tries: u32,
}

impl Patience {
    /// Waits a little and gives true; false once it is over.
    pub(crate) async fn again(&mut self) -> bool {
        let begun = *self.lost.get_or_insert_with(Instant::now);
        if begun.elapsed() > LOSS {
            return false;
        }
        // The first try comes at once: most often only the connection was old.
        if self.tries > 0 {
            tokio::time::sleep(backoff(self.tries)).await;
        }
        self.tries += 1;
        true
    }
}

/// Grows from about a millisecond to a quarter or a half of a second, jittered by the clock's low
/// bits so that two who met do not meet again.
pub(crate) fn backoff(attempt: u32) -> Duration {
    let jitter = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| u64::from(now.subsec_nanos()) % 1000);
    Duration::from_micros((1000 + jitter) << attempt.min(8))
}
