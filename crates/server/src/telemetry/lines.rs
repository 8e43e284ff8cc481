//! Lines that many threads make and one thread writes. A request's thread formats its line into one
//! shared buffer; the writer's thread writes the buffer out a few times a second, so that a request
//! costs neither a system call nor a wake-up. A line is written at most [`PAUSE`] later; when the
//! output is too slow lines are dropped, counted and reported, never waited for.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long lines are collected before they are written.
const PAUSE: Duration = Duration::from_millis(100);

/// The number of lines that were dropped since the start.
#[derive(Clone, Debug, Default)]
pub struct Dropped(Arc<AtomicU64>);

impl Dropped {
    /// The number of lines that were dropped since the start.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The lines and their writer. When the last clone is dropped, what is left has been written.
#[derive(Clone)]
pub struct Lines {
    pages: Arc<Pages>,
    _writer: Arc<Writer>,
}

struct Pages {
    /// What the lines are of, for the log.
    name: &'static str,
    /// The most that waits to be written, in bytes.
    capacity: usize,
    state: Mutex<State>,
    filled: Condvar,
    dropped: Dropped,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    closed: bool,
}

impl Lines {
    /// Lines that are written to `output`, of which at most `capacity` bytes wait. `name` says in
    /// the log what they are.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn to(
        output: Box<dyn Write + Send>,
        name: &'static str,
        capacity: usize,
        dropped: Dropped,
    ) -> io::Result<Self> {
        let (state, filled) = (Mutex::default(), Condvar::new());
        let pages = Arc::new(Pages { name, capacity, state, filled, dropped });
        let writing = Arc::clone(&pages);
        let thread = std::thread::Builder::new()
            .name(name.replace(' ', "-"))
            .spawn(move || writing.write_out(output))?;
        let writer = Writer { pages: Arc::clone(&pages), thread: Some(thread) };
        Ok(Self { pages, _writer: Arc::new(writer) })
    }

    /// Adds a line, which ends itself.
    pub fn push(&self, line: &[u8]) {
        self.pages.push(line);
    }

    /// The bytes that wait to be written.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.pages.lock().lines.len()
    }
}

impl Pages {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.lines.len() + line.len() > self.capacity {
            self.dropped.0.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
    }

    fn write_out(&self, mut output: Box<dyn Write + Send>) {
        let mut page = Vec::new();
        let mut reported = 0;
        loop {
            let closed = self.wait();
            std::mem::swap(&mut page, &mut self.lock().lines);
            if let Err(error) = output.write_all(&page).and_then(|()| output.flush()) {
                tracing::error!(%error, bytes = page.len(), "the {} cannot be written", self.name);
            }
            page.clear();
            let dropped = self.dropped.count();
            if dropped > reported {
                tracing::warn!(
                    lines = dropped - reported,
                    "lines of the {} were dropped",
                    self.name
                );
                reported = dropped;
            }
            if closed {
                return;
            }
        }
    }

    /// Waits for the first line, then a little for more. True when no more can come.
    fn wait(&self) -> bool {
        let state = self.lock();
        let state = self
            .filled
            .wait_while(state, |state| state.lines.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let (state, _) = self
            .filled
            .wait_timeout_while(state, PAUSE, |state| !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.closed
    }
}

struct Writer {
    pages: Arc<Pages>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.pages.lock().closed = true;
        self.pages.filled.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the {} ended with a panic", self.pages.name);
        }
    }
}
