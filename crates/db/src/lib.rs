//! One SQL text for two engines: SQLite for one machine, PostgreSQL for many.
//!
//! The only crate that names sqlx. Rooms declare their SQL with [`statement!`], run it through
//! [`Db`] (reads) or [`Tx`] (everything inside one serializable transaction), and never learn
//! which engine answers. Deliberately absent: an object mapper, dynamic SQL, nested transactions.

mod connection;
pub mod copy;
mod epoch;
mod error;
mod migrate;
mod moment;
mod patience;
mod postgres;
mod request;
mod row;
mod schema;
mod snapshot;
mod sqlite;
mod statement;
mod tx;
mod value;

pub use epoch::{Cached, Epoch, Epochs};
pub use error::Error;
pub use request::in_request;
pub use row::{Column, Columns, Row};
pub use snapshot::Snapshot;
pub use statement::{STATEMENTS, Statement};
pub use tx::{Attempts, Tx};
pub use value::{Params, Value};

#[doc(hidden)]
pub use linkme;

use std::path::Path;
use std::sync::Arc;

/// A directive for the filter of a log: what PostgreSQL remarks on, such as a table that is there
/// already, is no news.
pub const NO_NOTICES: &str = "sqlx::postgres::notice=warn";

/// What a transaction waits for before it is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// Survives power loss once the call returns.
    Power,
    /// Survives the death of the process; a power cut may take back the last moments. For state
    /// that a client can begin anew without loss, such as an unfinished upload.
    Process,
}

/// A database: cheap to clone, shared by the whole process.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<sqlite::Sqlite>),
    Postgres(Arc<postgres::Postgres>),
}

impl Db {
    /// Opens (and creates) the SQLite database at `path` and brings its schema up to date.
    ///
    /// Fails when another process holds it, or when its schema is newer than this program.
    pub async fn sqlite(path: &Path) -> Result<Db, Error> {
        let db = Db { engine: Engine::Sqlite(Arc::new(sqlite::Sqlite::open(path).await?)) };
        migrate::run(&db).await?;
        Ok(db)
    }

    /// Opens the SQLite database at `path` for reading, also while another process has it. Every
    /// transaction is refused, and so is a schema that is not this program's.
    pub async fn sqlite_to_read(path: &Path) -> Result<Db, Error> {
        let engine = Arc::new(sqlite::Sqlite::open_to_read(path).await?);
        let db = Db { engine: Engine::Sqlite(engine) };
        migrate::expect_current(&db).await?;
        Ok(db)
    }

    /// Connects to the PostgreSQL database at `url` (`postgres://…`) and brings its schema up to
    /// date, under a lock that lets only one replica do so.
    ///
    /// Fails on a URL that says what cannot be, on a server that would lose acknowledged writes, is
    /// older than version 14 or a standby, and when the schema is newer than this program.
    pub async fn postgres(url: &str) -> Result<Db, Error> {
        Db::at(url, postgres::Company::Others).await
    }

    /// The same for who must be alone with the database: fails with [`Error::InUse`] while anybody
    /// else has it open by [`Db::postgres`], and keeps all of them away until it is closed.
    pub async fn postgres_alone(url: &str) -> Result<Db, Error> {
        Db::at(url, postgres::Company::Nobody).await
    }

    async fn at(url: &str, company: postgres::Company) -> Result<Db, Error> {
        let engine = postgres::Postgres::connect(url, company).await?;
        let db = Db { engine: Engine::Postgres(Arc::new(engine)) };
        migrate::run(&db).await?;
        Ok(db)
    }

    /// Whether this process is the only one that writes here, so that what it has read stays true
    /// until it writes itself.
    #[must_use]
    pub fn exclusive(&self) -> bool {
        matches!(&self.engine, Engine::Sqlite(engine) if engine.exclusive())
    }

    pub(crate) fn moments(&self) -> Option<&moment::Moments> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(engine) => Some(engine.moments()),
        }
    }

    /// All rows of a reading statement. On PostgreSQL it goes on over a fresh connection for up to
    /// two seconds when the first is lost.
    pub async fn all<C: Columns>(
        &self,
        statement: &'static Statement,
        params: impl Into<Params>,
    ) -> Result<Vec<C>, Error> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.all(statement, params.into()).await,
            Engine::Postgres(engine) => engine.all(statement, &params.into()).await,
        }
    }

    /// The first row of a reading statement, if there is one.
    pub async fn optional<C: Columns>(
        &self,
        statement: &'static Statement,
        params: impl Into<Params>,
    ) -> Result<Option<C>, Error> {
        Ok(self.all(statement, params).await?.into_iter().next())
    }

    /// Answers once the engine answers: for readiness probes.
    pub async fn ping(&self) -> Result<(), Error> {
        statement!(PING = "SELECT CAST(1 AS BIGINT)");
        if let Engine::Sqlite(engine) = &self.engine {
            engine.is_there()?;
        }
        self.optional::<(i64,)>(&PING, ()).await.map(|_| ())
    }

    /// Prepares a statement without running it, so that a test can hold every declared statement
    /// against the engine.
    pub async fn prepare(&self, statement: &'static Statement) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.prepare(statement).await,
            Engine::Postgres(engine) => engine.prepare(statement).await,
        }
    }

    /// Returns once everything that a read can have seen survives power loss. For answers that
    /// say "it is there" without having written anything.
    pub async fn settled(&self) {
        match &self.engine {
            Engine::Sqlite(engine) => engine.settled().await,
            // PostgreSQL shows a commit only after it is durable.
            Engine::Postgres(_) => {}
        }
    }

    /// Moves what is in SQLite's write-ahead log into the database file, so that the file by itself
    /// is the database: for a copy that people may carry about. Waits for whoever is reading.
    pub async fn merge_log(&self) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.script("PRAGMA wal_checkpoint(TRUNCATE)").await,
            Engine::Postgres(_) => Ok(()),
        }
    }

    /// Finishes what is under way and closes every connection.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(engine) => engine.close().await,
            Engine::Postgres(engine) => engine.close().await,
        }
    }
}
