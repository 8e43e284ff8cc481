//! Boots a real server for a test, in its own process, on either engine: signed clients, an image
//! builder, a clock that the test moves, a throw-away PostgreSQL. What stands here panics when the
//! server breaks a promise that holds for every answer; what one test expects is the test's own.

#![allow(clippy::unwrap_used)]

pub mod api;
mod clock;
pub mod http;
pub mod image;
pub mod issuer;
pub mod oracle;
pub mod postgres;
pub mod query;
pub mod s3;
pub mod v2;
pub mod violation;
mod wharf;

pub use api::{ApiError, Credentials};
pub use clock::FakeClock;
pub use image::{Image, Manifest};
pub use v2::V2;
pub use wharf::{ACCOUNT, Engine, REGION, Replica, Wharf, run};

use std::time::{Duration, Instant};

/// How long a test waits for what the server does by itself.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Tries until `attempt` gives something; panics with `what` when [`PATIENCE`] is over.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "still not so after {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes two tests of each function named, `sqlite::<name>` and `postgres::<name>`. Each is an
/// `async fn(Wharf)` that gets a freshly booted server of its own.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[test]
                fn $name() {
                    $crate::run($crate::Engine::Sqlite, super::$name);
                }
            )+
        }
        mod postgres {
            $(
                #[test]
                fn $name() {
                    $crate::run($crate::Engine::Postgres, super::$name);
                }
            )+
        }
    };
}
