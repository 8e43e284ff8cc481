//! Two deadlines for the head of a request: an idle connection may wait a while for its next
//! request, but a head that has begun must be complete soon. The HTTP/1 library knows one
//! deadline for both; this timer, given to it per connection, tells them apart by whether bytes
//! have arrived since the wait began.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};
use tokio::time::Instant;

use super::alarm::Alarm;

/// The timer of one connection.
pub struct HeadTimer {
    /// From the first byte of a head to its last.
    pub head: Duration,
    /// From the end of an answer (or the accept) to the first byte of the next head.
    pub idle: Duration,
    received: Arc<AtomicU64>,
    alarm: Arc<Mutex<Alarm>>,
}

impl HeadTimer {
    /// A timer over the byte count of a socket.
    pub fn new(head: Duration, idle: Duration, received: Arc<AtomicU64>) -> Self {
        Self { head, idle, received, alarm: Arc::default() }
    }

    fn wait(&self) -> Pin<Box<dyn Sleep>> {
        Box::pin(HeadWait {
            head: self.head,
            idle: self.idle,
            received: Arc::clone(&self.received),
            before: self.received.load(Ordering::Relaxed),
            deadline: None,
            begun: false,
            alarm: Arc::clone(&self.alarm),
        })
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        self.wait()
    }

    fn sleep_until(&self, _: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        self.wait()
    }
}

struct HeadWait {
    head: Duration,
    idle: Duration,
    received: Arc<AtomicU64>,
    before: u64,
    deadline: Option<Instant>,
    begun: bool,
    alarm: Arc<Mutex<Alarm>>,
}

impl Sleep for HeadWait {}

impl Future for HeadWait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if !this.begun && this.received.load(Ordering::Relaxed) != this.before {
            this.begun = true;
            this.deadline = Some(Instant::now() + this.head);
        }
        let deadline = *this.deadline.get_or_insert_with(|| Instant::now() + this.idle);
        let mut alarm = this.alarm.lock().unwrap_or_else(PoisonError::into_inner);
        alarm.poll_at(cx, deadline)
    }
}
