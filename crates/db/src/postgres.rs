//! PostgreSQL: a pool of connections, every transaction SERIALIZABLE.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Executor as _};

use crate::value::Value;
use crate::{Columns, Durability, Error, Params, Row, Statement};

/// Connections of one replica. PostgreSQL allows 100 in all by default.
const CONNECTIONS: u32 = 16;

pub(crate) struct Postgres {
    pool: PgPool,
}

/// A transaction under way. Dropped unfinished, it is rolled back before the connection is used
/// again.
pub(crate) struct Open {
    tx: sqlx::Transaction<'static, sqlx::Postgres>,
}

impl Postgres {
    pub(crate) async fn connect(url: &str) -> Result<Postgres, Error> {
        let options = url
            .parse::<PgConnectOptions>()?
            .application_name("wharf")
            .options([
                ("statement_timeout", "60000"),
                ("lock_timeout", "5000"),
                ("idle_in_transaction_session_timeout", "10000"),
            ])
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        let postgres = Postgres { pool };
        postgres.refuse_unsafe_settings().await?;
        Ok(postgres)
    }

    /// An answer means durable only if the server flushes: fsync and full_page_writes must be on,
    /// and synchronous_commit must not be off.
    async fn refuse_unsafe_settings(&self) -> Result<(), Error> {
        // Not in the table of statements that both engines prepare: only PostgreSQL has it.
        let unsafe_ones: Vec<(String, String)> = sqlx::query_as(
            "SELECT name, setting FROM pg_settings
             WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'",
        )
        .fetch_all(&self.pool)
        .await?;
        match unsafe_ones.first() {
            Some((name, _)) => Err(Error::Unsafe(format!("{name} = off"))),
            None => Ok(()),
        }
    }

    pub(crate) async fn all<C: Columns>(
        &self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<Vec<C>, Error> {
        let mut connection = self.pool.acquire().await?;
        rows(&mut connection, statement, params).await
    }

    pub(crate) async fn prepare(&self, statement: &'static Statement) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        connection.prepare(sqlx::SqlSafeStr::into_sql_str(statement.sql())).await?;
        Ok(())
    }

    pub(crate) async fn script(&self, sql: &'static str) -> Result<(), Error> {
        sqlx::raw_sql(sql).execute(&self.pool).await?;
        Ok(())
    }

    pub(crate) async fn begin(&self, durability: Durability) -> Result<Open, Error> {
        let mut tx = self.pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await?;
        if durability == Durability::Process {
            tx.execute("SET LOCAL synchronous_commit = off").await?;
        }
        Ok(Open { tx })
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Open {
    pub(crate) async fn all<C: Columns>(
        &mut self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<Vec<C>, Error> {
        rows(&mut self.tx, statement, params).await
    }

    pub(crate) async fn execute(
        &mut self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<u64, Error> {
        let done =
            sqlx::query_with(statement.sql(), arguments(params)?).execute(&mut *self.tx).await?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        sqlx::raw_sql(sql).execute(&mut *self.tx).await?;
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        Ok(self.tx.commit().await?)
    }

    pub(crate) async fn rollback(self) -> Result<(), Error> {
        Ok(self.tx.rollback().await?)
    }
}

async fn rows<C: Columns>(
    connection: &mut PgConnection,
    statement: &'static Statement,
    params: Params,
) -> Result<Vec<C>, Error> {
    let rows = sqlx::query_with(statement.sql(), arguments(params)?).fetch_all(connection).await?;
    rows.iter().map(|row| C::read(&Row::Postgres(row))).collect()
}

fn arguments(params: Params) -> Result<PgArguments, Error> {
    use sqlx::Arguments as _;
    let mut arguments = PgArguments::default();
    for value in params.0 {
        match value {
            Value::Text(text) => arguments.add(text),
            Value::Int(number) => arguments.add(number),
            Value::Blob(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
