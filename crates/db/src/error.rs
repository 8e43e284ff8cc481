//! What can go wrong between the program and its database.

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
    #[error("the database has no space left")]
    Full,
    /// Another process holds the SQLite file.
    #[error(
        "the database {0} is in use by another process; stop it, or give this one a data folder of its own"
    )]
    Locked(String),
    /// The schema was written by a newer program.
    #[error(
        "the database has schema version {found}, this program knows up to {known}: start a newer wharf"
    )]
    Newer { found: i64, known: i64 },
    /// A group commit failed; this transaction was part of it and left nothing behind.
    #[error("the commit failed: {0}")]
    Commit(String),
    /// PostgreSQL's settings would lose acknowledged writes.
    #[error("PostgreSQL has {0}, which loses acknowledged writes: set it to on")]
    Unsafe(String),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("the database file: {0}")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// Whether running the whole transaction again may succeed (SQLSTATE 40001 and 40P01).
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Error::Again => true,
            Error::Sql(sqlx::Error::Database(fault)) => {
                matches!(fault.code().as_deref(), Some("40001" | "40P01"))
            }
            _ => false,
        }
    }

    /// Whether the disk or the database is full (SQLITE_FULL, SQLSTATE 53100).
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Error::Full => true,
            Error::Sql(sqlx::Error::Database(fault)) => {
                matches!(fault.code().as_deref(), Some("13" | "53100"))
            }
            Error::Io(fault) => fault.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
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
