//! What tells moments on PostgreSQL: the text of `pg_current_snapshot()`. It names the transactions
//! that have ended and those that are running, so it changes with each that commits; the server
//! takes a transaction out of it before it answers the COMMIT.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::breaks::Breaks;
use super::connection;
use crate::Error;
use crate::moment::{Reading, Source};

/// How long the answer is waited for, with making a connection if need be. Then the request goes
/// on without its cache.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a connection is used. After a fail-over by name, an old primary that still runs would
/// otherwise be asked for ever; the pool's connections live as long.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Snapshots over a connection of their own, so that they never wait for the pool.
pub(super) struct Snapshots {
    options: PgConnectOptions,
    breaks: Arc<Breaks>,
    open: Option<Open>,
    /// How many connections there have been.
    made: u64,
}

struct Open {
    connection: PgConnection,
    since: Instant,
    /// The last break when it was made.
    breaks: u64,
}

impl Snapshots {
    pub(super) fn new(options: PgConnectOptions, breaks: Arc<Breaks>) -> Snapshots {
        Snapshots { options, breaks, open: None, made: 0 }
    }

    async fn ask(&mut self) -> Result<Reading, Error> {
        // Taken out: an unfinished or failed question leaves no connection behind.
        let mut open = match self.open.take() {
            Some(open) if self.is_good(&open) => open,
            _ => self.connect().await?,
        };
        let text = sqlx::query_scalar("SELECT CAST(pg_current_snapshot() AS text)")
            .fetch_one(&mut open.connection)
            .await?;
        self.open = Some(open);
        Ok(Reading { connection: self.made, text })
    }

    /// Whatever broke a connection of the pool may have been a fail-over.
    fn is_good(&self, open: &Open) -> bool {
        open.breaks == self.breaks.last() && open.since.elapsed() < LIFETIME
    }

    async fn connect(&mut self) -> Result<Open, Error> {
        self.made += 1;
        let breaks = self.breaks.last();
        let connection = connection::open(&self.options).await?;
        Ok(Open { connection, since: Instant::now(), breaks })
    }
}

impl Source for Snapshots {
    async fn read(&mut self) -> Result<Reading, Error> {
        let asked = async {
            match self.ask().await {
                // The server went away since the last question; it may be back already.
                Err(error) if error.is_lost() => {
                    self.breaks.note();
                    self.ask().await
                }
                done => done,
            }
        };
        let asked = tokio::time::timeout(PATIENCE, asked).await;
        asked.unwrap_or(Err(Error::Silent(PATIENCE)))
    }
}
