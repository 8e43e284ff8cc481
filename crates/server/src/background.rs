//! What goes on beside the requests: writing down what was pulled, and sweeping.

use std::error::Error;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use wharf_registry::Registry;
use wharf_registry::sweep::Swept;

use crate::shutdown::Stop;

/// How often pull times are written.
const NOTES: Duration = Duration::from_secs(1);
/// How often the sweep goes through everything, or four times within a grace shorter than that.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// Runs until `stop`, which ends even a sweep in the middle. A fault is logged and tried again at
/// the next turn.
pub fn run(registry: Registry, mut stop: Stop, grace: Duration) -> JoinHandle<()> {
    tokio::spawn(async move {
        tokio::select! {
            () = stop.finishing() => {}
            () = write_activity(registry.clone()) => {}
            () = sweep(registry, grace) => {}
        }
    })
}

async fn write_activity(registry: Registry) {
    let mut turns = ticks(NOTES);
    loop {
        turns.tick().await;
        if let Err(error) = registry.write_activity().await {
            tracing::error!(error = &error as &dyn Error, "pull times could not be written");
        }
    }
}

async fn sweep(registry: Registry, grace: Duration) {
    let mut turns = ticks((grace / 4).clamp(Duration::from_secs(1), SWEEP));
    // The first tick comes at once; a start is not the time to walk through everything.
    turns.tick().await;
    loop {
        turns.tick().await;
        match registry.sweep().await {
            Ok(swept) if swept == Swept::default() => {}
            Ok(swept) => tracing::info!(?swept, "swept"),
            Err(error) => tracing::error!(error = &error as &dyn Error, "the sweep failed"),
        }
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
