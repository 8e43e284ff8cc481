//! What can go wrong between the program and its database.

use std::borrow::Cow;
use std::time::Duration;

/// A fault of the database, or of the way to it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another transaction came first, again and again; the caller may try later.
    #[error("the database gave up on a transaction after {0} conflicts")]
    Conflict(u32),
    /// The batch that this transaction was part of was taken back; running it again may succeed.
    #[error("the transaction was taken back together with another one")]
    Again,
    /// The database has no room left.
    #[error("the database has no space left: free some on its disk")]
    Full,
    /// Somebody has removed SQLite's files.
    #[error(
        "the database files were deleted under the running server, so nothing that is written now \
         lasts. Do not stop it yet: as long as it runs, they can be copied from /proc/{0}/fd"
    )]
    Deleted(u32),
    /// Another process holds the SQLite file.
    #[error(
        "the database {0} is in use by another process; stop it, or give this one a data folder of its own"
    )]
    Locked(String),
    /// The database was opened for reading only.
    #[error("the database is open for reading only")]
    OnlyToRead,
    /// The schema was written by an older program, and nothing may be changed here.
    #[error(
        "the database has schema version {found}, this program needs {known}: start `wharf serve` once"
    )]
    Older { found: i64, known: i64 },
    /// The schema was written by a newer program.
    #[error(
        "the database has schema version {found}, this program knows up to {known}: start a newer wharf"
    )]
    Newer { found: i64, known: i64 },
    /// The schema is not the one that this program makes, and only looking is allowed.
    #[error(
        "the database has schema version {found}, this program needs {known}: bring it up to date by starting this version of wharf serve on it once, with --read-only if it is a backup"
    )]
    Schema { found: i64, known: i64 },
    /// The tables are none that can be copied.
    #[error("the tables cannot be copied: {0}")]
    Copy(String),
    /// A group commit failed; this transaction was part of it and left nothing behind.
    #[error("the commit failed: {0}")]
    Commit(String),
    /// PostgreSQL's settings would lose acknowledged writes.
    #[error("PostgreSQL has {0}, which loses acknowledged writes: set it to on")]
    Unsafe(String),
    /// The server is a standby, or was told not to write.
    #[error("PostgreSQL is read only here, perhaps a standby: name the primary in database_url")]
    ReadOnly,
    /// The server or its database cannot be used, whatever is done here.
    #[error("PostgreSQL {0}")]
    Server(String),
    /// Somebody else is at the database, which is wanted alone.
    #[error(
        "others are at this PostgreSQL database: {0}. Stop every replica first. What was killed is \
         gone at once; what is on a machine that is gone, PostgreSQL notices within a minute, or \
         `SELECT pg_terminate_backend(…)` ends it"
    )]
    InUse(String),
    /// There is no connection. The advice has the server's words in it.
    #[error("PostgreSQL {advice}")]
    Connect { advice: String, cause: sqlx::Error },
    /// The URL says what cannot be.
    #[error("database_url {0}")]
    Url(String),
    /// The way to PostgreSQL is cut, or it hangs.
    #[error("PostgreSQL did not answer within {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// The connection was lost while COMMIT was under way. What the transaction did is there
    /// wholly, or not at all; only reading again tells which. Whoever asked gets an error that
    /// invites to try again, and what is tried again must come out right in both cases.
    #[error("it is not known whether a transaction was committed: {0}")]
    Unknown(#[source] Box<Error>),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("the database file: {0}")]
    Io(#[from] std::io::Error),
}

impl Error {
    pub(crate) fn deleted() -> Error {
        Error::Deleted(std::process::id())
    }

    /// Whether running the whole transaction again may succeed (SQLSTATE 40001 and 40P01).
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Error::Again => true,
            _ => matches!(self.code().as_deref(), Some("40001" | "40P01")),
        }
    }

    /// Whether the connection is of no use any more, and a fresh one may be: the server went away
    /// or goes (57P01 to 57P05, class 08), ended an idle transaction (25P03), is no primary any
    /// more (25006), or is silent.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Error::Silent(_) => true,
            Error::Sql(cause) | Error::Connect { cause, .. } if is_broken(cause) => true,
            _ => self.code().is_some_and(|code| {
                code.starts_with("08")
                    || code.starts_with("57P")
                    || code == "25P03"
                    || code == "25006"
            }),
        }
    }

    /// Whether a lock was waited for in vain (SQLSTATE 55P03).
    pub(crate) fn is_lock_timeout(&self) -> bool {
        self.code().as_deref() == Some("55P03")
    }

    /// Whether the database cannot be reached, has no connection left (53300), or is too busy
    /// (55P03, 57014) to do what was asked for, so that it is worth trying again soon.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Error::Conflict(_) | Error::Unknown(_) => true,
            Error::Sql(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
            _ => {
                self.is_lost()
                    || matches!(self.code().as_deref(), Some("53300" | "55P03" | "57014"))
            }
        }
    }

    pub(crate) fn code(&self) -> Option<Cow<'_, str>> {
        match self {
            Error::Sql(cause) | Error::Connect { cause, .. } => cause.as_database_error()?.code(),
            _ => None,
        }
    }

    /// Whether SQLite's files may not be opened or written by this user (SQLITE_PERM,
    /// SQLITE_READONLY, SQLITE_CANTOPEN).
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            Error::Io(fault) => fault.kind() == std::io::ErrorKind::PermissionDenied,
            _ => matches!(self.code().as_deref(), Some("3" | "8" | "14" | "1032" | "1544")),
        }
    }

    /// Whether the disk or the database is full (SQLITE_FULL, SQLITE_IOERR_SHMSIZE, SQLSTATE
    /// 53100). SQLite's index of its log, which the second is about, is made at each start.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Error::Full => true,
            Error::Io(fault) => fault.kind() == std::io::ErrorKind::StorageFull,
            _ => matches!(self.code().as_deref(), Some("13" | "4874" | "53100")),
        }
    }

    /// Whether a row that this one belongs to is not there.
    #[must_use]
    pub fn is_foreign_key_violation(&self) -> bool {
        matches!(self, Error::Sql(sqlx::Error::Database(fault)) if fault.is_foreign_key_violation())
    }

    /// Whether a row with this key is there already.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Error::Sql(sqlx::Error::Database(fault)) if fault.is_unique_violation())
    }
}

fn is_broken(cause: &sqlx::Error) -> bool {
    matches!(cause, sqlx::Error::Io(_) | sqlx::Error::Protocol(_))
}
