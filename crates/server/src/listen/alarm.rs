//! A deadline that is cheap to move: most deadlines are set and never reached, so the timer of
//! the runtime is armed once and looked at again only when it rings.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// One reusable timer. Later deadlines leave the armed timer alone; it rings early, finds the
/// new deadline ahead and arms itself for the rest.
#[derive(Default)]
pub struct Alarm {
    armed: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready once `deadline` has passed; otherwise wakes the task of `cx` at `deadline` or, once
    /// per armed timer, before.
    pub fn poll_at(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        loop {
            let sleep = self.armed.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if sleep.is_elapsed() && Instant::now() >= deadline {
                return Poll::Ready(());
            }
            if sleep.is_elapsed() || sleep.deadline() > deadline {
                sleep.as_mut().reset(deadline);
            }
            match sleep.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if Instant::now() >= deadline => return Poll::Ready(()),
                Poll::Ready(()) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rings_at_the_deadline_asked_for_last() {
        for first in [1_u64, 30, 90] {
            let mut alarm = Alarm::default();
            let start = Instant::now();
            poll_fn(|cx| {
                assert!(alarm.poll_at(cx, start + Duration::from_secs(first)).is_pending());
                Poll::Ready(())
            })
            .await;
            let wanted = start + Duration::from_secs(60);
            poll_fn(|cx| alarm.poll_at(cx, wanted)).await;
            let late = Instant::now() - wanted;
            assert!(late < Duration::from_millis(10), "{first}: {late:?} late");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn can_be_used_again_after_it_rang() {
        let mut alarm = Alarm::default();
        let start = Instant::now();
        for round in 1..=3 {
            let wanted = start + Duration::from_secs(round);
            poll_fn(|cx| alarm.poll_at(cx, wanted)).await;
            assert!(Instant::now() >= wanted);
            assert!(Instant::now() - wanted < Duration::from_millis(10));
        }
    }
}
