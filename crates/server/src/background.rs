//! What goes on beside the requests: writing down what was pulled, and sweeping.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use wharf_registry::Registry;

use crate::shutdown::Stop;

/// How often pull times are written.
const NOTES: Duration = Duration::from_secs(1);
/// How often the sweep goes through everything, or four times within a grace shorter than that.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// Runs until `stop`. A fault is logged and tried again at the next turn.
pub fn run(registry: Registry, mut stop: Stop, grace: Duration) -> JoinHandle<()> {
    let every = (grace / 4).clamp(Duration::from_secs(1), SWEEP);
    tokio::spawn(async move {
        let (mut notes, mut sweep) = (interval(NOTES), interval(every));
        notes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once; a start is not the time to walk through everything.
        sweep.tick().await;
        loop {
            tokio::select! {
                () = stop.finishing() => return,
                _ = notes.tick() => {
                    if let Err(error) = registry.write_activity().await {
                        tracing::error!(error = &error as &dyn std::error::Error, "pull times could not be written");
                    }
                }
                _ = sweep.tick() => match registry.sweep().await {
                    Ok(swept) if swept == Default::default() => {}
                    Ok(swept) => tracing::info!(?swept, "swept"),
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "the sweep failed");
                    }
                },
            }
        }
    })
}
