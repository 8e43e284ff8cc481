//! A clock that stands still until the test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wharf_registry::Clock;

/// Where every clock begins: 2026-01-01, in milliseconds since 1970. It lies before the real time,
/// so the sweep never takes a file for an abandoned one because the test moved the clock.
const BEGIN: i64 = 1_767_225_600_000;

/// Shared by the server and the clients of one test.
#[derive(Clone)]
pub struct FakeClock(Arc<AtomicI64>);

impl Default for FakeClock {
    fn default() -> FakeClock {
        FakeClock(Arc::new(AtomicI64::new(BEGIN)))
    }
}

impl FakeClock {
    /// The time, in milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// The time as the system's clocks give it.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.now()).unwrap())
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// The clock as the registry takes it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}
