//! Serializable transactions, retried on conflict, the same on both engines.

use std::time::Duration;

use crate::{Columns, Db, Durability, Engine, Error, Params, Statement, postgres, sqlite};

/// How often a transaction is run again after losing against another one.
const ATTEMPTS: u32 = 12;

/// A transaction under way.
pub struct Tx {
    pub(crate) engine: Under,
    pub(crate) conflicted: bool,
    after: Vec<AfterCommit>,
}

/// What is done right after a commit, before anybody is told of it.
pub(crate) type AfterCommit = Box<dyn FnOnce() + Send>;

pub(crate) enum Under {
    Sqlite(sqlite::Open),
    Postgres(postgres::Open),
}

/// Runs a block in one serializable transaction, again if it lost against another one:
/// `tx!(db, |tx| { …; Ok(value) })` survives power loss, `tx!(db, Durability::Process, |tx| …)`
/// the death of the process. The block may run several times and must have no other effects; an
/// `Err` from it rolls everything back. It gives `Result<T, E>` where `E: From<Error>`.
// A macro, since a closure that borrows cannot yet promise that its future may change threads.
#[macro_export]
macro_rules! tx {
    ($db:expr, |$tx:ident| $work:expr) => {
        $crate::tx!($db, $crate::Durability::Power, |$tx| $work)
    };
    ($db:expr, $durability:expr, |$tx:ident| $work:expr) => {{
        let mut attempts = $db.attempts($durability);
        loop {
            let mut open = match attempts.begin().await {
                Ok(open) => open,
                Err(error) => break Err(error.into()),
            };
            let result = {
                let $tx = &mut open;
                async { $work }.await
            };
            if let Some(done) = attempts.end(open, result).await {
                break done;
            }
        }
    }};
}

/// The tries of one transaction; see [`tx!`](crate::tx).
pub struct Attempts<'db> {
    db: &'db Db,
    durability: Durability,
    made: u32,
}

impl Db {
    #[doc(hidden)]
    #[must_use]
    pub fn attempts(&self, durability: Durability) -> Attempts<'_> {
        Attempts { db: self, durability, made: 0 }
    }
}

impl Attempts<'_> {
    #[doc(hidden)]
    pub async fn begin(&mut self) -> Result<Tx, Error> {
        let engine = match &self.db.engine {
            Engine::Sqlite(engine) => Under::Sqlite(engine.begin(self.durability).await?),
            Engine::Postgres(engine) => Under::Postgres(engine.begin(self.durability).await?),
        };
        Ok(Tx { engine, conflicted: false, after: Vec::new() })
    }

    /// Commits or rolls back; None when the work is to be done again.
    #[doc(hidden)]
    pub async fn end<T, E: From<Error>>(
        &mut self,
        tx: Tx,
        result: Result<T, E>,
    ) -> Option<Result<T, E>> {
        let conflicted = tx.conflicted;
        let error = match result {
            Ok(value) => match tx.commit().await {
                Ok(()) => return Some(Ok(value)),
                Err(error) if error.is_conflict() => None,
                Err(error) => Some(error.into()),
            },
            Err(error) => match tx.rollback().await {
                Ok(()) if conflicted => None,
                _ => Some(error),
            },
        };
        if error.is_some() {
            return error.map(Err);
        }
        self.made += 1;
        if self.made == ATTEMPTS {
            return Some(Err(Error::Conflict(ATTEMPTS).into()));
        }
        tokio::time::sleep(backoff(self.made)).await;
        None
    }
}

impl Tx {
    /// All rows that the statement gives.
    pub async fn all<C: Columns>(
        &mut self,
        statement: &'static Statement,
        params: impl Into<Params>,
    ) -> Result<Vec<C>, Error> {
        let result = match &mut self.engine {
            Under::Sqlite(open) => open.all(statement, params.into()).await,
            Under::Postgres(open) => open.all(statement, params.into()).await,
        };
        self.note(result)
    }

    /// The first row that the statement gives, if any.
    pub async fn optional<C: Columns>(
        &mut self,
        statement: &'static Statement,
        params: impl Into<Params>,
    ) -> Result<Option<C>, Error> {
        Ok(self.all(statement, params).await?.into_iter().next())
    }

    /// Runs the statement and tells how many rows it changed.
    pub async fn execute(
        &mut self,
        statement: &'static Statement,
        params: impl Into<Params>,
    ) -> Result<u64, Error> {
        let result = match &mut self.engine {
            Under::Sqlite(open) => open.execute(statement, params.into()).await,
            Under::Postgres(open) => open.execute(statement, params.into()).await,
        };
        self.note(result)
    }

    /// Has `act` done once the transaction is committed, and before anybody is told so; not at all
    /// if it is rolled back. It is done even when whoever runs the transaction is gone by then, so
    /// this, and not the lines behind the transaction, is the place to make caches forget.
    pub fn after_commit(&mut self, act: impl FnOnce() + Send + 'static) {
        self.after.push(Box::new(act));
    }

    /// Keeps other replicas from migrating until this transaction ends. SQLite has one writer
    /// anyway.
    pub(crate) async fn lock_migrations(&mut self) -> Result<(), Error> {
        match &mut self.engine {
            Under::Sqlite(_) => Ok(()),
            Under::Postgres(open) => open.script("LOCK TABLE migrations IN EXCLUSIVE MODE").await,
        }
    }

    /// Runs a script of several statements inside this transaction.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        match &mut self.engine {
            Under::Sqlite(open) => open.script(sql).await,
            Under::Postgres(open) => open.script(sql).await,
        }
    }

    fn note<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            self.conflicted |= error.is_conflict();
        }
        result
    }

    async fn commit(self) -> Result<(), Error> {
        match self.engine {
            Under::Sqlite(open) => open.commit(self.after).await,
            Under::Postgres(open) => {
                open.commit().await?;
                self.after.into_iter().for_each(|act| act());
                Ok(())
            }
        }
    }

    async fn rollback(self) -> Result<(), Error> {
        match self.engine {
            Under::Sqlite(open) => {
                open.rollback().await;
                Ok(())
            }
            Under::Postgres(open) => open.rollback().await,
        }
    }
}

/// Grows from a millisecond to about a quarter of a second, jittered by the clock's low bits so
/// that two losers do not meet again.
fn backoff(attempt: u32) -> Duration {
    let jitter = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| u64::from(now.subsec_nanos()) % 1000);
    Duration::from_micros((1000 + jitter) << attempt.min(8))
}
