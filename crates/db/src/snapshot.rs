//! One unchanging view of a database that another process may be writing: for copies and backups.
//! It takes no lock that a server would notice, migrates nothing and writes nothing.
//!
//! SQLite: a second, read-only opener of the file. Its transaction sees the database as it was
//! while the server goes on; the write-ahead log grows meanwhile, since it cannot be emptied.
//! PostgreSQL: a REPEATABLE READ, READ ONLY transaction, which a standby gives as well.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::connection::Connection;
use crate::{Columns, Error, Params, Statement, migrate, postgres, statement};

/// A database as it was at one moment.
pub struct Snapshot {
    held: Held,
}

enum Held {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Snapshot {
    /// The SQLite database at `path` as it is now, whether a server has it open or not. The folder
    /// must be one that the caller may write: SQLite keeps the index of its log there.
    ///
    /// Fails when there is no such file, and with [`Error::Schema`] when its schema is not the
    /// one that this program makes.
    pub async fn sqlite(path: &Path) -> Result<Snapshot, Error> {
        let connection = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(Duration::from_secs(10))
            .disable_statement_logging()
            .connect()
            .await?;
        Snapshot::begin(Held::Sqlite(connection)).await
    }

    /// The PostgreSQL database at `url` as it is now; a standby will do.
    pub async fn postgres(url: &str) -> Result<Snapshot, Error> {
        // A view is held for as long as a copy takes.
        let settings = [("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")];
        let connection = postgres::connect(url, &settings).await?;
        Snapshot::begin(Held::Postgres(connection)).await
    }

    async fn begin(held: Held) -> Result<Snapshot, Error> {
        let mut snapshot = Snapshot { held };
        snapshot.look().await?;
        Ok(snapshot)
    }

    /// Lets go of this view and takes one of the present moment.
    pub async fn renew(&mut self) -> Result<(), Error> {
        self.run("ROLLBACK").await?;
        self.look().await
    }

    /// All rows of a reading statement.
    pub async fn all<C: Columns>(
        &mut self,
        statement: &'static Statement,
        params: impl Into<Params>,
    ) -> Result<Vec<C>, Error> {
        self.connection().all(statement.sql(), params.into()).await
    }

    /// The first row of a reading statement, if there is one.
    pub async fn optional<C: Columns>(
        &mut self,
        statement: &'static Statement,
        params: impl Into<Params>,
    ) -> Result<Option<C>, Error> {
        Ok(self.all(statement, params).await?.into_iter().next())
    }

    /// Ends the view.
    pub async fn close(self) -> Result<(), Error> {
        match self.held {
            Held::Sqlite(connection) => connection.close().await?,
            Held::Postgres(connection) => connection.close().await?,
        }
        Ok(())
    }

    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match &mut self.held {
            Held::Sqlite(connection) => Connection::Sqlite(connection),
            Held::Postgres(connection) => Connection::Postgres(connection),
        }
    }

    /// Begins the view. Rows are copied as they are, so both sides must mean the same by them: the
    /// first look, from which on the view stands still, is at the version of the schema.
    async fn look(&mut self) -> Result<(), Error> {
        statement!(FOUND = "SELECT COALESCE(MAX(version), 0) FROM migrations");
        self.run(match self.held {
            Held::Sqlite(_) => "BEGIN",
            Held::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        })
        .await?;
        let known = migrate::newest();
        let found = self.optional::<(i64,)>(&FOUND, ()).await?.map_or(0, |(version,)| version);
        if found == known { Ok(()) } else { Err(Error::Schema { found, known }) }
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), Error> {
        match &mut self.held {
            Held::Sqlite(connection) => {
                sqlx::raw_sql(sql).execute(connection).await?;
            }
            Held::Postgres(connection) => {
                sqlx::raw_sql(sql).execute(connection).await?;
            }
        }
        Ok(())
    }
}
