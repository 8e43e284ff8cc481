//! The access log: one line a request, written out by a thread of its own (see `lines.rs`).
//!
//! Nothing secret gets in: no header but the user agent, and of the query only the values of
//! parameters that are known to be harmless.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use super::lines::{Dropped, Lines};
use super::logs::LogFormat;
use super::record::{Record, millis};

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

/// The access log. When the last clone is dropped, what is left has been written.
#[derive(Clone)]
pub struct AccessLog {
    format: LogFormat,
    lines: Lines,
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
        let lines = Lines::to(output, "access log", CAPACITY, dropped)?;
        Ok(Self { format, lines })
    }

    pub(super) fn write(&self, record: &Record, took: Duration) {
        let mut line = String::with_capacity(512);
        // Writing into a string cannot fail.
        let _ = match self.format {
            LogFormat::Json => json(&mut line, record, took),
            LogFormat::Text => text(&mut line, record, took),
        };
        line.push('\n');
        self.lines.push(line.as_bytes());
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
