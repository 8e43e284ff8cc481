//! The brake: how quickly a check may read, so that pulls keep the disk.

use std::time::Duration;

use tokio::time::Instant;

/// Reads are spread over time, so that on the whole they stay below a rate.
pub(super) struct Pace {
    /// In bytes a second.
    rate: Option<u64>,
    /// When what was read so far is paid for.
    paid: Instant,
}

impl Pace {
    pub(super) fn new(rate: Option<u64>) -> Pace {
        Pace { rate: rate.map(|rate| rate.max(1)), paid: Instant::now() }
    }

    /// Waits until `bytes` more may be read. What was not used is not saved up.
    pub(super) async fn spend(&mut self, bytes: u64) {
        let Some(rate) = self.rate else {
            // Hashing never waits by itself; others want the thread, too.
            return tokio::task::yield_now().await;
        };
        let cost = Duration::from_secs_f64(bytes as f64 / rate as f64);
        self.paid = self.paid.max(Instant::now()) + cost;
        tokio::time::sleep_until(self.paid).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn reading_stays_below_the_rate() {
        let (begun, mut pace) = (Instant::now(), Pace::new(Some(1_000)));
        for _ in 0..10 {
            pace.spend(500).await;
        }
        assert_eq!(begun.elapsed().as_secs(), 5);
        tokio::time::advance(Duration::from_secs(60)).await;
        let rested = Instant::now();
        pace.spend(1_000).await;
        assert_eq!(rested.elapsed().as_secs(), 1, "rest is not saved up");
    }
}
