//! Serializable transactions, retried on conflict and, while it is certain that they were not
//! committed, over a fresh connection when theirs is lost. The same on both engines.

use crate::connection::Connection;
use crate::patience::{Patience, backoff};
use crate::{Columns, Db, Durability, Engine, Error, Params, Statement, postgres, sqlite};

/// How often a transaction is run again after losing against another one.
const ATTEMPTS: u32 = 12;

/// A transaction under way.
pub struct Tx {
    pub(crate) engine: Under,
    pub(crate) conflicted: bool,
    /// The connection was lost, and with it all that was done.
    lost: bool,
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
    patience: Patience,
}

impl Db {
    #[doc(hidden)]
    #[must_use]
    pub fn attempts(&self, durability: Durability) -> Attempts<'_> {
        Attempts { db: self, durability, made: 0, patience: Patience::default() }
    }
}

impl Attempts<'_> {
    #[doc(hidden)]
    pub async fn begin(&mut self) -> Result<Tx, Error> {
        let engine = match &self.db.engine {
            Engine::Sqlite(engine) => Under::Sqlite(engine.begin(self.durability).await?),
            Engine::Postgres(engine) => Under::Postgres(engine.begin(self.durability).await?),
        };
        Ok(Tx { engine, conflicted: false, lost: false, after: Vec::new() })
    }

    /// Commits or rolls back; None when the work is to be done again.
    #[doc(hidden)]
    pub async fn end<T, E: From<Error>>(
        &mut self,
        tx: Tx,
        result: Result<T, E>,
    ) -> Option<Result<T, E>> {
        let (conflicted, lost) = (tx.conflicted, tx.lost);
        let error = match result {
            Ok(value) => match tx.commit().await {
                Ok(()) => return Some(Ok(value)),
                Err(error) => (!error.is_conflict() && !conflicted).then(|| error.into()),
            },
            Err(error) => {
                tx.rollback().await;
                (!conflicted).then_some(error)
            }
        };
        if let Some(error) = error {
            // What was lost before COMMIT was certainly not committed.
            return if lost && self.patience.again().await { None } else { Some(Err(error)) };
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

    /// Keeps other replicas from migrating until this transaction ends, should they have got past
    /// their lock, and lifts the limit on the time of a statement. SQLite has one writer anyway.
    pub(crate) async fn migrating(&mut self) -> Result<(), Error> {
        match &mut self.engine {
            Under::Sqlite(_) => Ok(()),
            Under::Postgres(open) => open.migrating().await,
        }
    }

    /// The connection itself, for what is no declared statement.
    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match &mut self.engine {
            Under::Sqlite(open) => Connection::Sqlite(open.connection()),
            Under::Postgres(open) => Connection::Postgres(open.connection()),
        }
    }

    /// Waits as long as it takes: for what is done once, and is no request that somebody waits for.
    pub(crate) async fn take_time(&mut self) -> Result<(), Error> {
        match &mut self.engine {
            Under::Sqlite(_) => Ok(()),
            Under::Postgres(open) => {
                open.script(
                    "SET LOCAL statement_timeout = 0;
                     SET LOCAL idle_in_transaction_session_timeout = 0",
                )
                .await
            }
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
            self.lost |= error.is_lost();
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

    async fn rollback(self) {
        match self.engine {
            Under::Sqlite(open) => open.rollback().await,
            Under::Postgres(open) => open.rollback().await,
        }
    }
}
