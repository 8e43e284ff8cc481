//! The access log: one line a request. The request's thread formats the line into one shared
//! buffer; a thread of its own writes the buffer out a few times a second, so that a request
//! costs neither a system call nor a wake-up. A line is written at most [`PAUSE`] later; when the
//! reader of the log is too slow lines are dropped, counted and reported, never waited for.
//!
//! Nothing secret gets in: no header but the user agent, and of the query only the values of
//! parameters that are known to be harmless.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::logs::LogFormat;
use super::record::{Record, millis};

/// How long lines are collected before they are written.
const PAUSE: Duration = Duration::from_millis(100);
/// The most that waits to be written, in bytes.
const CAPACITY: usize = 4 << 20;
/// Query parameters whose values are shown; all others appear as `***`.
const SHOWN: [&str; 9] =
    ["n", "last", "digest", "mount", "from", "artifactType", "tag", "page", "Action"];

/// Where the access log goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere.
    Off,
    /// Appended to this file, which is opened anew when it has been moved away.
    File(PathBuf),
}

/// The number of lines that were dropped since the start.
#[derive(Clone, Debug, Default)]
pub struct Dropped(Arc<AtomicU64>);

impl Dropped {
    /// The number of lines that were dropped since the start.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The access log. When the last clone is dropped, what is left has been written.
#[derive(Clone)]
pub struct AccessLog {
    format: LogFormat,
    pages: Arc<Pages>,
    _writer: Arc<Writer>,
}

struct Pages {
    state: Mutex<State>,
    filled: Condvar,
    dropped: Dropped,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    closed: bool,
}

impl AccessLog {
    /// Opens the log; none when it is off.
    ///
    /// # Errors
    /// When the file cannot be opened or the thread cannot be started.
    pub fn open(
        destination: &Destination,
        format: LogFormat,
        dropped: Dropped,
    ) -> io::Result<Option<Self>> {
        let output: Box<dyn Write + Send> = match destination {
            Destination::Off => return Ok(None),
            Destination::Stdout => Box::new(io::stdout()),
            Destination::Stderr => Box::new(io::stderr()),
            Destination::File(path) => Box::new(Appended::open(path.clone())?),
        };
        Self::to(output, format, dropped).map(Some)
    }

    /// A log that is written to `output`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn to(
        output: Box<dyn Write + Send>,
        format: LogFormat,
        dropped: Dropped,
    ) -> io::Result<Self> {
        let pages = Arc::new(Pages { state: Mutex::default(), filled: Condvar::new(), dropped });
        let writing = Arc::clone(&pages);
        let thread = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || writing.write_out(output))?;
        let writer = Writer { pages: Arc::clone(&pages), thread: Some(thread) };
        Ok(Self { format, pages, _writer: Arc::new(writer) })
    }

    pub(super) fn write(&self, record: &Record, took: Duration) {
        let mut line = String::with_capacity(512);
        // Writing into a string cannot fail.
        let _ = match self.format {
            LogFormat::Json => json(&mut line, record, took),
            LogFormat::Text => text(&mut line, record, took),
        };
        line.push('\n');
        self.pages.push(line.as_bytes());
    }
}

impl Pages {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.lines.len() + line.len() > CAPACITY {
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
                tracing::error!(%error, bytes = page.len(), "the access log cannot be written");
            }
            page.clear();
            let dropped = self.dropped.count();
            if dropped > reported {
                tracing::warn!(lines = dropped - reported, "access log lines were dropped");
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
            tracing::error!("the access log ended with a panic");
        }
    }
}

/// A file that is opened anew when another one lies at its path, as after a rotation.
struct Appended {
    path: PathBuf,
    file: File,
}

impl Appended {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self { path, file })
    }

    fn was_moved(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let ours = self.file.metadata()?;
        Ok(match std::fs::metadata(&self.path) {
            Ok(there) => (there.dev(), there.ino()) != (ours.dev(), ours.ino()),
            Err(_) => true,
        })
    }
}

impl Write for Appended {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if self.was_moved()? {
            *self = Self::open(self.path.clone())?;
        }
        self.file.write(lines)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn json(line: &mut String, record: &Record, took: Duration) -> std::fmt::Result {
    write!(
        line,
        r#"{{"time":"{:.3}","id":"{}","method":"{}","path":"#,
        jiff::Timestamp::now(),
        record.id,
        record.method,
    )?;
    quoted(line, record.uri.path())?;
    if let Some(query) = record.uri.query() {
        line.push_str(r#","query":"#);
        quoted(line, &harmless(query))?;
    }
    write!(
        line,
        r#","status":{},"in":{},"out":{},"ms":{}"#,
        record.status(),
        record.received(),
        record.sent,
        millis(took),
    )?;
    if !record.complete {
        line.push_str(r#","cut":true"#);
    }
    if let Some(source) = record.source {
        write!(line, r#","peer":"{}""#, source.address)?;
    }
    let agent = record.agent.as_ref().map(|a| String::from_utf8_lossy(a.as_bytes()));
    let more = [
        ("principal", record.principal.as_ref().map(|p| &*p.0)),
        ("operation", record.operation.map(|operation| operation.0)),
        ("error", record.code.as_ref().map(|c| &*c.0)),
        ("agent", agent.as_deref()),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            write!(line, r#","{name}":"#)?;
            quoted(line, value)?;
        }
    }
    line.push('}');
    Ok(())
}

fn text(line: &mut String, record: &Record, took: Duration) -> std::fmt::Result {
    write!(
        line,
        "{:.3} {} {} {}",
        jiff::Timestamp::now(),
        record.status(),
        record.method,
        record.uri.path()
    )?;
    if let Some(query) = record.uri.query() {
        write!(line, "?{}", harmless(query))?;
    }
    write!(
        line,
        " {}ms in={} out={} id={}",
        millis(took),
        record.received(),
        record.sent,
        record.id
    )?;
    if !record.complete {
        line.push_str(" cut");
    }
    if let Some(source) = record.source {
        write!(line, " peer={}", source.address)?;
    }
    if let Some(principal) = &record.principal {
        write!(line, " principal={}", principal.0)?;
    }
    if let Some(operation) = record.operation {
        write!(line, " operation={}", operation.0)?;
    }
    if let Some(code) = &record.code {
        write!(line, " error={}", code.0)?;
    }
    if let Some(agent) = &record.agent {
        write!(line, " agent={agent:?}")?;
    }
    Ok(())
}

/// The query with the values of all but the known parameters replaced.
fn harmless(query: &str) -> String {
    let mut shown = String::with_capacity(query.len());
    for (n, pair) in query.split('&').enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        shown.push_str(if n == 0 { "" } else { "&" });
        match SHOWN.contains(&name) {
            true => shown.push_str(pair),
            // A token without a name would be shown as a name.
            false if value.is_empty() => shown.push_str("***"),
            false => {
                shown.push_str(name);
                shown.push_str("=***");
            }
        }
    }
    shown
}

/// `text` as a JSON string.
fn quoted(line: &mut String, text: &str) -> std::fmt::Result {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                line.push('\\');
                line.push(c);
            }
            c if c.is_control() => write!(line, "\\u{:04x}", u32::from(c))?,
            c => line.push(c),
        }
    }
    line.push('"');
    Ok(())
}

#[cfg(test)]
mod tests;
