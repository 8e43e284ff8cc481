//! The log lines of the program, on standard error: text for a person, JSON for a machine. The
//! access log is `access.rs`.

use std::fmt;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How log lines look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// For a person.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Text when standard error is a terminal, JSON otherwise.
    pub fn fitting() -> Self {
        match io::stderr().is_terminal() {
            true => Self::Text,
            false => Self::Json,
        }
    }
}

/// Sends the log lines of this process to standard error. `level` is a level (`info`) or a list
/// of directives (`info,wharf_registry=debug`).
///
/// # Errors
/// When `level` is not such a list.
pub fn begin(format: LogFormat, level: &str) -> Result<(), ParseError> {
    let filter = filter(level)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // Told on standard error, whose reader may be just what is gone: that would be a panic.
        .log_internal_errors(false);
    let begun = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).try_init(),
    };
    // A second server in one process keeps the first one's log; that happens in tests only.
    drop(begun);
    Ok(())
}

fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(format!("{},{level}", wharf_db::NO_NOTICES))
}

/// Whether `level` can be given to [`begin`].
///
/// # Errors
/// When it cannot.
pub fn check(level: &str) -> Result<(), ParseError> {
    EnvFilter::try_new(level).map(drop)
}

/// A secret that prints as `***`, so that no log line or error can give it away.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
