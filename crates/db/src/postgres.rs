//! PostgreSQL: a pool of connections, every transaction SERIALIZABLE, and what to do when
//! connections are lost.
//!
//! A read, and a transaction that certainly was not committed, goes on over a fresh connection for
//! up to two seconds. A COMMIT whose answer was lost is never repeated: it may have succeeded.

mod breaks;
mod connection;
mod presence;
mod refusal;
mod snapshot;
mod url;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::task::AbortHandle;

use crate::moment::Moments;
use crate::patience::Patience;
use crate::value::Value;
use crate::{Columns, Durability, Error, Params, Row, Statement, request};

use breaks::Breaks;
use connection::Reply;

/// How long a request waits for a connection of the pool, at most.
const POOL_WAIT: Duration = Duration::from_secs(2);

pub(crate) struct Postgres {
    pool: PgPool,
    breaks: Arc<Breaks>,
    moments: Moments,
    teller: AbortHandle,
    options: PgConnectOptions,
    /// Keeps all others away as long as it is open.
    _alone: Option<Mutex<PgConnection>>,
}

/// Who may be at the database beside this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    Others,
    Nobody,
}

/// A transaction under way. Dropped unfinished, it takes its connection along, which rolls it back.
pub(crate) struct Open {
    connection: PoolConnection<sqlx::Postgres>,
    breaks: Arc<Breaks>,
    reply: Reply,
    /// A statement failed, after which PostgreSQL answers COMMIT with a silent rollback.
    failed: bool,
    ended: bool,
}

impl Postgres {
    pub(crate) async fn connect(url: &str, company: Company) -> Result<Postgres, Error> {
        let url::Target { options, connections } = url::parse(url)?;
        let options = connection::configured(options);
        // Once outside the pool, which would try again and keep the reason to itself.
        let alone = match company {
            Company::Others => {
                let mut first = connection::first(&options).await?;
                connection::expect_sessions(&mut first, &options).await?;
                connection::compare_clocks(&mut first).await?;
                presence::take_part(&mut first).await?;
                first.close().await?;
                None
            }
            Company::Nobody => Some(Mutex::new(presence::be_alone(&options).await?)),
        };
        let breaks = Arc::new(Breaks::default());
        let seen = breaks.clone();
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(POOL_WAIT)
            .test_before_acquire(false)
            .before_acquire(move |_, meta| {
                let usable = !seen.since(meta.age);
                Box::pin(async move { Ok(usable) })
            })
            .after_connect(move |connection, _| {
                Box::pin(async move { admitted(connection, company).await.map_err(hidden) })
            })
            .connect_lazy_with(options.clone());
        let snapshots = snapshot::Snapshots::new(options.clone(), breaks.clone());
        let (moments, teller) = Moments::of(snapshots);
        Ok(Postgres { pool, breaks, moments, teller, options, _alone: alone })
    }

    pub(crate) fn moments(&self) -> &Moments {
        &self.moments
    }

    pub(crate) async fn all<C: Columns>(
        &self,
        statement: &'static Statement,
        params: &Params,
    ) -> Result<Vec<C>, Error> {
        let mut patience = Patience::default();
        loop {
            match self.read(statement, params).await {
                Err(error) if error.is_lost() && patience.again().await => {}
                done => return done,
            }
        }
    }

    async fn read<C: Columns>(
        &self,
        statement: &'static Statement,
        params: &Params,
    ) -> Result<Vec<C>, Error> {
        let mut connection = self.acquire().await?;
        let found = Reply::READ.within(rows(&mut connection, statement, params)).await;
        if found.as_ref().is_err_and(Error::is_lost) {
            self.breaks.note();
            connection.close_on_drop();
        }
        found
    }

    async fn acquire(&self) -> Result<PoolConnection<sqlx::Postgres>, Error> {
        Ok(self.pool.acquire().await?)
    }

    pub(crate) async fn prepare(&self, statement: &'static Statement) -> Result<(), Error> {
        let mut connection = self.acquire().await?;
        connection.prepare(sqlx::SqlSafeStr::into_sql_str(statement.sql())).await?;
        Ok(())
    }

    pub(crate) async fn script(&self, sql: &'static str) -> Result<(), Error> {
        let mut connection = self.acquire().await?;
        sqlx::raw_sql(sql).execute(&mut *connection).await?;
        Ok(())
    }

    /// Whether there is a table of this name.
    pub(crate) async fn has_table(&self, name: &'static str) -> Result<bool, Error> {
        let found: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(name)
            .fetch_one(&mut *self.acquire().await?)
            .await?;
        Ok(found)
    }

    /// Says what to do about a schema that cannot be made.
    pub(crate) fn told_of_schema(&self, error: Error) -> Error {
        refusal::of_schema(error, &self.options)
    }

    /// Keeps other replicas from migrating until the connection given is closed, or breaks.
    pub(crate) async fn lock_migrations(&self) -> Result<PgConnection, Error> {
        connection::lock_migrations(&self.options).await
    }

    pub(crate) async fn begin(&self, durability: Durability) -> Result<Open, Error> {
        let mut patience = Patience::default();
        loop {
            match self.try_begin(durability).await {
                Err(error) if error.is_lost() && patience.again().await => {}
                done => return done,
            }
        }
    }

    async fn try_begin(&self, durability: Durability) -> Result<Open, Error> {
        let connection = self.acquire().await?;
        let (begin, reply) = connection::begin(durability, request::is_one());
        let breaks = self.breaks.clone();
        let mut open = Open { connection, breaks, reply, failed: false, ended: false };
        open.script(begin).await?;
        Ok(open)
    }

    pub(crate) async fn close(&self) {
        self.teller.abort();
        self.pool.close().await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.teller.abort();
    }
}

impl Open {
    pub(crate) async fn all<C: Columns>(
        &mut self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<Vec<C>, Error> {
        let found = self.reply.within(rows(&mut self.connection, statement, &params)).await;
        self.noted(found)
    }

    pub(crate) async fn execute(
        &mut self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<u64, Error> {
        let query = sqlx::query_with(statement.sql(), arguments(&params)?);
        let done = async { Ok(query.execute(&mut *self.connection).await?.rows_affected()) };
        let done = self.reply.within(done).await;
        self.noted(done)
    }

    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        let done = self.raw(sql).await;
        self.noted(done)
    }

    /// The connection itself, for what is no declared statement.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    pub(crate) async fn migrating(&mut self) -> Result<(), Error> {
        self.reply = Reply::UNBOUNDED;
        self.script("SET LOCAL statement_timeout = 0; LOCK TABLE migrations IN EXCLUSIVE MODE")
            .await
    }

    /// Commits. [`Error::Unknown`] when it may or may not have been done.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        if self.failed {
            self.rollback().await;
            return Err(Error::Commit("a statement of the transaction had failed".to_owned()));
        }
        match self.raw("COMMIT").await {
            Ok(()) => {
                self.ended = true;
                Ok(())
            }
            Err(error) if error.is_lost() => {
                self.breaks.note();
                Err(Error::Unknown(Box::new(error)))
            }
            // PostgreSQL refused, and so rolled back.
            Err(error) => {
                self.ended = true;
                Err(error)
            }
        }
    }

    /// Rolls back. If even that does not succeed, the connection is closed, which does.
    pub(crate) async fn rollback(mut self) {
        self.ended = self.raw("ROLLBACK").await.is_ok();
    }

    async fn raw(&mut self, sql: &'static str) -> Result<(), Error> {
        let connection = &mut *self.connection;
        let done = async {
            sqlx::raw_sql(sql).execute(connection).await?;
            Ok(())
        };
        self.reply.within(done).await
    }

    fn noted<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome {
            self.failed = true;
            if error.is_lost() {
                self.breaks.note();
            }
        }
        outcome
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}

/// Connects to the database at `url` outside any pool, with these settings.
pub(crate) async fn connect(url: &str, settings: &[(&str, &str)]) -> Result<PgConnection, Error> {
    let options = url::parse(url)?.options.options(settings.iter().copied());
    let options = options.disable_statement_logging();
    options.connect().await.map_err(|error| refusal::of_connection(error, &options))
}

/// Whether a new connection of the pool may be used.
async fn admitted(connection: &mut PgConnection, company: Company) -> Result<(), Error> {
    connection::check(connection).await?;
    match company {
        Company::Others => presence::take_part(connection).await,
        Company::Nobody => Ok(()),
    }
}

/// The pool takes nothing but sqlx's errors.
fn hidden(error: Error) -> sqlx::Error {
    match error {
        Error::Sql(error) => error,
        other => sqlx::Error::Configuration(other.into()),
    }
}

async fn rows<C: Columns>(
    connection: &mut PgConnection,
    statement: &'static Statement,
    params: &Params,
) -> Result<Vec<C>, Error> {
    let rows = sqlx::query_with(statement.sql(), arguments(params)?).fetch_all(connection).await?;
    rows.iter().map(|row| C::read(&Row::Postgres(row))).collect()
}

pub(crate) fn arguments(params: &Params) -> Result<PgArguments, Error> {
    use sqlx::Arguments as _;
    let mut arguments = PgArguments::default();
    for value in &params.0 {
        match value {
            Value::Text(text) => arguments.add(text.as_deref()),
            Value::Int(number) => arguments.add(*number),
            Value::Blob(bytes) => arguments.add(bytes.as_deref()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
