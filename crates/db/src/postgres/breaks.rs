//! When connections were last found broken. Those made before are not used again: whatever broke
//! one (a restart, a fail-over) most likely broke all of them, and asking each whether it lives
//! would cost a round trip at every use.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(super) struct Breaks {
    began: Instant,
    /// In nanoseconds since `began`; 0 while nothing broke.
    last: AtomicU64,
}

impl Default for Breaks {
    fn default() -> Breaks {
        Breaks { began: Instant::now(), last: AtomicU64::new(0) }
    }
}

impl Breaks {
    /// A connection was found broken just now.
    pub(super) fn note(&self) {
        self.last.fetch_max(self.now().max(1), Ordering::AcqRel);
    }

    /// Whether anything broke since a connection of this age was made.
    pub(super) fn since(&self, age: Duration) -> bool {
        match self.last() {
            0 => false,
            last => self.now().saturating_sub(nanoseconds(age)) <= last,
        }
    }

    /// Changes with each break.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    fn now(&self) -> u64 {
        nanoseconds(self.began.elapsed())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_before_a_break_is_not_used_again() {
        let breaks = Breaks::default();
        assert!(!breaks.since(Duration::ZERO) && !breaks.since(Duration::from_secs(60)));
        breaks.note();
        let noted = Instant::now();
        assert!(breaks.since(Duration::from_secs(60)));
        while noted.elapsed().is_zero() {}
        assert!(!breaks.since(Duration::ZERO));
    }
}
