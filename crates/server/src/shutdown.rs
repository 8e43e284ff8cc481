//! Stopping: the first signal lets running requests finish, the second ends at once. What
//! finishing means for a connection is in `listen.rs`.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How far the stop has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq, PartialOrd)]
enum Phase {
    Running,
    Finishing,
    Ending,
}

/// Waits for a stop; every task that must end holds a clone.
#[derive(Clone)]
pub struct Stop {
    phase: watch::Receiver<Phase>,
}

/// Starts a stop.
#[derive(Clone)]
pub struct Stopper {
    phase: watch::Sender<Phase>,
}

/// A stop that only [`Stopper`] starts, for tests and embedding.
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(Phase::Running);
    (Stopper { phase: sender }, Stop { phase: receiver })
}

/// A stop on SIGTERM or SIGINT; a second signal ends at once.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn on_signals() -> io::Result<(Stopper, Stop)> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stopper, stop) = stop();
    let signalled = stopper.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(()) = terminate.recv() => signalled.advance(),
                Some(()) = interrupt.recv() => signalled.advance(),
                else => return,
            }
        }
    });
    Ok((stopper, stop))
}

impl Stopper {
    /// First call: stop taking new work and finish what runs. Second call: end at once.
    pub fn advance(&self) {
        self.phase.send_modify(|phase| {
            *phase = match *phase {
                Phase::Running => {
                    tracing::info!(
                        "stopping: running requests are finished, a second signal ends at once"
                    );
                    Phase::Finishing
                }
                Phase::Finishing | Phase::Ending => {
                    tracing::warn!("ending at once");
                    Phase::Ending
                }
            };
        });
    }
}

impl Stop {
    /// Returns when no new work may begin.
    pub async fn finishing(&mut self) {
        self.reached(Phase::Finishing).await;
    }

    /// Returns when running work must end too.
    pub async fn ending(&mut self) {
        self.reached(Phase::Ending).await;
    }

    /// Whether new work is refused already; readiness answers by this.
    pub fn has_begun(&self) -> bool {
        *self.phase.borrow() >= Phase::Finishing
    }

    /// A stopper that is gone can never stop anything: then this waits for ever.
    async fn reached(&mut self, phase: Phase) {
        if self.phase.wait_for(|now| *now >= phase).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
