//! One connection of either engine, for the few who put their SQL together from the schema's own
//! names: the copy of whole tables. Everybody else declares statements.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;

use crate::{Columns, Error, Params, Row, postgres, sqlite};

/// A borrowed connection.
pub(crate) enum Connection<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl Connection<'_> {
    /// Reads each row with `read`.
    pub(crate) async fn rows<T>(
        &mut self,
        sql: &str,
        params: Params,
        read: impl Fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        match self {
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), sqlite::arguments(params)?);
                let rows = query.fetch_all(&mut **connection).await?;
                rows.iter().map(|row| read(&Row::Sqlite(row))).collect()
            }
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), postgres::arguments(&params)?);
                let rows = query.fetch_all(&mut **connection).await?;
                rows.iter().map(|row| read(&Row::Postgres(row))).collect()
            }
        }
    }

    pub(crate) async fn all<C: Columns>(
        &mut self,
        sql: &str,
        params: Params,
    ) -> Result<Vec<C>, Error> {
        self.rows(sql, params, C::read).await
    }

    /// Runs it and tells how many rows it changed. `kept` says whether the same text will come
    /// again, so that it is worth being prepared.
    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        params: Params,
        kept: bool,
    ) -> Result<u64, Error> {
        let done = match self {
            Connection::Sqlite(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), sqlite::arguments(params)?);
                query.persistent(kept).execute(&mut **connection).await?.rows_affected()
            }
            Connection::Postgres(connection) => {
                let query = sqlx::query_with(AssertSqlSafe(sql), postgres::arguments(&params)?);
                query.persistent(kept).execute(&mut **connection).await?.rows_affected()
            }
        };
        Ok(done)
    }
}
