//! One connection: its settings, what is checked before it is used, and how long an answer is
//! waited for.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::refusal;
use crate::{Durability, Error};

/// The oldest version served, as PostgreSQL counts: the first with `pg_current_snapshot` that its
/// authors still support.
const OLDEST: i64 = 140_000;

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// Names the lock of the migrations. Any number does, as long as all replicas use the same.
const LOCK: i64 = 7_309_940_265_120_334;

/// How long an answer is waited for: longer than PostgreSQL is let work on it, so that it is the
/// first to give up. It is silent only when the way to it is cut.
#[derive(Clone, Copy)]
pub(super) struct Reply(Option<Duration>);

impl Reply {
    /// A read, or a statement in the transaction of a request.
    pub(super) const READ: Reply = Reply(Some(Duration::from_secs(8)));
    /// A statement in a transaction of the background.
    const BACKGROUND: Reply = Reply(Some(Duration::from_secs(65)));
    /// A migration takes what it takes.
    pub(super) const UNBOUNDED: Reply = Reply(None);

    /// What `work` gives; [`Error::Silent`] when that takes too long.
    pub(super) async fn within<T>(
        self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match self.0 {
            None => work.await,
            Some(limit) => match tokio::time::timeout(limit, work).await {
                Ok(done) => done,
                Err(_) => Err(Error::Silent(limit)),
            },
        }
    }
}

/// How a transaction begins, and how long to wait for each answer in it. One message, whatever it
/// sets: each would be a round trip.
pub(super) fn begin(durability: Durability, in_request: bool) -> (&'static str, Reply) {
    match (durability, in_request) {
        (Durability::Power, true) => ("BEGIN ISOLATION LEVEL SERIALIZABLE", Reply::READ),
        (Durability::Process, true) => {
            ("BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL synchronous_commit = off", Reply::READ)
        }
        (Durability::Power, false) => (
            "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL statement_timeout = 60000",
            Reply::BACKGROUND,
        ),
        (Durability::Process, false) => (
            "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL statement_timeout = 60000; \
             SET LOCAL synchronous_commit = off",
            Reply::BACKGROUND,
        ),
    }
}

/// The settings of every connection. All times are in milliseconds.
pub(super) fn configured(options: PgConnectOptions) -> PgConnectOptions {
    options
        .options([
            ("statement_timeout", "5000"),
            ("lock_timeout", "2000"),
            ("idle_in_transaction_session_timeout", "10000"),
        ])
        .statement_cache_capacity(256)
        .disable_statement_logging()
}

/// Connects and checks.
pub(super) async fn open(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let opened = async {
        let connected = options.connect().await;
        let mut connection = connected.map_err(|error| refusal::of_connection(error, options))?;
        check(&mut connection).await?;
        Ok(connection)
    };
    Reply(Some(CONNECT)).within(opened).await
}

/// The same at the start, when silence is nothing that passes.
pub(super) async fn first(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    open(options).await.map_err(|error| match error {
        Error::Silent(limit) => Error::Server(format!(
            "at {} did not answer within {} s: check host and port in database_url, and whether a \
             firewall is in between",
            refusal::place(options),
            limit.as_secs()
        )),
        other => other,
    })
}

/// An answer means durable only if PostgreSQL flushes; and only a primary can be written to, and
/// tells what is true now.
pub(super) async fn check(connection: &mut PgConnection) -> Result<(), Error> {
    // Not in the table of statements that both engines prepare: only PostgreSQL has these.
    let found = sqlx::query(
        "SELECT current_setting('fsync'), current_setting('full_page_writes'),
             current_setting('synchronous_commit'), current_setting('transaction_read_only'),
             current_setting('server_encoding'), current_setting('server_version_num')",
    )
    .persistent(false)
    .fetch_one(connection)
    .await?;
    let said = |index| found.try_get::<String, _>(index);
    judge(&[said(0)?, said(1)?, said(2)?, said(3)?, said(4)?, said(5)?])
}

fn judge(said: &[String; 6]) -> Result<(), Error> {
    let [fsync, full_page_writes, synchronous_commit, read_only, encoding, version] = said;
    if version.parse::<i64>().is_ok_and(|version| version < OLDEST) {
        return Err(Error::Server(format!(
            "has version number {version}; Wharf needs PostgreSQL {} or newer",
            OLDEST / 10_000
        )));
    }
    if encoding != "UTF8" {
        return Err(Error::Server(format!(
            "keeps this database in {encoding}; create it with ENCODING 'UTF8'"
        )));
    }
    let settings = [
        ("fsync", fsync),
        ("full_page_writes", full_page_writes),
        ("synchronous_commit", synchronous_commit),
    ];
    if let Some((name, _)) = settings.iter().find(|(_, value)| *value == "off") {
        return Err(Error::Unsafe(format!("{name} = off")));
    }
    // A standby is read only; so is a primary that was told to be.
    if read_only == "on" { Err(Error::ReadOnly) } else { Ok(()) }
}

/// Refuses a pooler that gives one session to several connections, as one in transaction mode does:
/// what the first connection sets, the second then sees. Where the pooler is busy it may not show.
pub(super) async fn expect_sessions(
    one: &mut PgConnection,
    options: &PgConnectOptions,
) -> Result<(), Error> {
    sqlx::raw_sql("SET wharf.session = 'one'").execute(one).await?;
    let mut other = options.connect().await?;
    let seen = sqlx::raw_sql("SELECT COALESCE(current_setting('wharf.session', true), '')")
        .fetch_all(&mut other)
        .await?;
    other.close().await?;
    match seen.first().map(|row| row.try_get::<String, _>(0)).transpose()? {
        Some(seen) if seen == "one" => Err(Error::Server(format!(
            "at {} is behind a pooler in transaction mode, which mixes sessions: give Wharf one in \
             session mode (pool_mode = session for its database), or the server itself",
            refusal::place(options)
        ))),
        _ => Ok(()),
    }
}

/// How far two clocks may be apart before it is told, in milliseconds: a quarter of what the lease of
/// an upload lasts.
const CLOCKS: i64 = 5_000;

/// Warns when the clock of this machine is not that of PostgreSQL's: leases, signatures and tokens
/// go by the former, on each replica by its own.
pub(super) async fn compare_clocks(connection: &mut PgConnection) -> Result<(), Error> {
    let theirs: i64 =
        sqlx::query_scalar("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")
            .persistent(false)
            .fetch_one(connection)
            .await?;
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let ahead = i64::try_from(ours).unwrap_or(i64::MAX).saturating_sub(theirs);
    if ahead.abs() > CLOCKS {
        let seconds = ahead as f64 / 1000.0;
        tracing::warn!(
            seconds,
            "the clock of this machine is ahead of PostgreSQL's by so many seconds, or behind if \
             negative: set the one that is wrong, since replicas, signatures and tokens rely on them"
        );
    }
    Ok(())
}

/// Waits for its turn, however long another replica migrates, on a connection of its own: the lock
/// lasts as long as that.
pub(super) async fn lock_migrations(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = open(options).await?;
    let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut connection)
        .await?;
    if free {
        return Ok(connection);
    }
    tracing::info!("waiting for another replica, which is bringing the schema up to date");
    sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = 0")
        .execute(&mut connection)
        .await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut connection).await?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn told(change: Option<(usize, &str)>) -> Option<String> {
        let mut said = ["on", "on", "on", "off", "UTF8", "150018"].map(str::to_owned);
        if let Some((index, value)) = change {
            said[index] = value.to_owned();
        }
        judge(&said).err().map(|error| error.to_string())
    }

    #[test]
    fn a_server_that_would_lose_or_cannot_take_writes_is_refused() {
        assert_eq!(told(None), None);
        for kept in ["local", "remote_write", "remote_apply"] {
            assert_eq!(told(Some((2, kept))), None, "{kept}");
        }
        assert_eq!(told(Some((5, "140000"))), None);
        let table = [
            (0, "off", "fsync = off"),
            (1, "off", "full_page_writes = off"),
            (2, "off", "synchronous_commit = off"),
            (3, "on", "read only"),
            (4, "SQL_ASCII", "ENCODING 'UTF8'"),
            (5, "130012", "PostgreSQL 14 or newer"),
        ];
        for (index, value, expected) in table {
            let told = told(Some((index, value))).unwrap();
            assert!(told.contains(expected), "{told}");
        }
    }
}
