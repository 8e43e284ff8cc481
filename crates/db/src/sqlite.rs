//! SQLite: many readers, one writer, and a group commit.
//!
//! Writers take turns on one connection and leave their work in an open transaction, the batch;
//! a task commits it once those who queued before it are through, and a single flush of the
//! write-ahead log then answers all of them. The connection runs with `synchronous=NORMAL`, so
//! COMMIT itself does not flush: the flush here, before anyone is answered, gives what `FULL`
//! gives, outside the writer's turn. A batch of [`Durability::Process`] only needs no flush.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Executor as _};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, watch};

use crate::tx::AfterCommit;
use crate::value::Value;
use crate::{Columns, Durability, Error, Params, Row, Statement};

/// Connections that read at the same time; each has a thread of its own.
const READERS: u32 = 4;

pub(crate) struct Sqlite {
    readers: SqlitePool,
    writer: Arc<Mutex<Writer>>,
    wake: Arc<Notify>,
    /// Held for as long as the database is open, so that no second process opens it.
    _lock: File,
}

struct Writer {
    connection: SqliteConnection,
    batch: Option<Batch>,
    /// A transaction that was dropped half-way; undone before anything else runs.
    abandoned: bool,
}

/// The transactions that will be committed together.
struct Batch {
    members: usize,
    flush: bool,
    after: Vec<AfterCommit>,
    outcome: watch::Sender<Option<Result<(), Arc<str>>>>,
}

/// A transaction that has its turn.
pub(crate) struct Open {
    writer: OwnedMutexGuard<Writer>,
    wake: Arc<Notify>,
    durability: Durability,
    finished: bool,
}

impl Sqlite {
    pub(crate) async fn open(path: &Path) -> Result<Sqlite, Error> {
        let lock = lock(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            .statement_cache_capacity(256)
            .pragma("cache_size", "-8192")
            .disable_statement_logging();
        let connection = options.connect().await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.read_only(true))
            .await?;
        let writer = Arc::new(Mutex::new(Writer { connection, batch: None, abandoned: false }));
        let wake = Arc::new(Notify::new());
        tokio::spawn(commit_batches(Arc::downgrade(&writer), wake.clone(), log_path(path)));
        Ok(Sqlite { readers, writer, wake, _lock: lock })
    }

    pub(crate) async fn all<C: Columns>(
        &self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<Vec<C>, Error> {
        let mut connection = self.readers.acquire().await?;
        rows(&mut connection, statement, params).await
    }

    pub(crate) async fn prepare(&self, statement: &'static Statement) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        writer.connection.prepare(sqlx::SqlSafeStr::into_sql_str(statement.sql())).await?;
        Ok(())
    }

    /// Runs a script of several statements, for migrations: outside any batch.
    pub(crate) async fn script(&self, sql: &'static str) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        writer.settle().await?;
        sqlx::raw_sql(sql).execute(&mut writer.connection).await?;
        Ok(())
    }

    /// Waits for the writer's turn, and joins the open batch or begins one.
    pub(crate) async fn begin(&self, durability: Durability) -> Result<Open, Error> {
        let mut writer = self.writer.clone().lock_owned().await;
        writer.settle().await?;
        // From here on a drop of this future must undo what it began.
        let mut open = Open { writer, wake: self.wake.clone(), durability, finished: false };
        open.join().await?;
        Ok(open)
    }

    pub(crate) async fn close(&self) {
        self.wake.notify_one();
        self.readers.close().await;
        let mut writer = self.writer.lock().await;
        if let Err(error) = writer.settle().await {
            tracing::error!(%error, "an unfinished transaction could not be undone");
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // The committer finds the writer gone, and ends.
        self.wake.notify_one();
    }
}

impl Writer {
    async fn run(&mut self, sql: &'static str) -> Result<(), Error> {
        sqlx::query(sql).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Undoes what an abandoned transaction left.
    async fn settle(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.abandoned) {
            self.undo().await?;
        }
        Ok(())
    }

    /// Rolls back the transaction that has its turn, and only that one.
    async fn undo(&mut self) -> Result<(), Error> {
        let Some(batch) = &self.batch else { return Ok(()) };
        if batch.members == 0 {
            self.batch = None;
            return self.run("ROLLBACK").await;
        }
        let undone = match self.run("ROLLBACK TO member").await {
            Ok(()) => self.run("RELEASE member").await,
            Err(error) => Err(error),
        };
        // SQLite rolls back everything by itself on some faults (a full disk, for one): then the
        // members before this one are lost too, and must be told.
        if let Err(error) = &undone
            && let Some(batch) = self.batch.take()
        {
            let _ = self.run("ROLLBACK").await;
            batch.outcome.send_replace(Some(Err(error.to_string().into())));
        }
        undone
    }
}

impl Open {
    async fn join(&mut self) -> Result<(), Error> {
        match self.writer.batch {
            None => {
                let outcome = watch::channel(None).0;
                let batch = Batch { members: 0, flush: false, after: Vec::new(), outcome };
                self.writer.batch = Some(batch);
                let begun = self.writer.run("BEGIN IMMEDIATE").await;
                if begun.is_err() {
                    // There is nothing to undo.
                    self.writer.batch = None;
                }
                begun
            }
            // The first member needs no savepoint: undoing it undoes the whole batch.
            Some(Batch { members: 0, .. }) => Ok(()),
            Some(_) => self.writer.run("SAVEPOINT member").await,
        }
    }

    pub(crate) async fn all<C: Columns>(
        &mut self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<Vec<C>, Error> {
        rows(&mut self.writer.connection, statement, params).await
    }

    pub(crate) async fn execute(
        &mut self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<u64, Error> {
        let done = sqlx::query_with(statement.sql(), arguments(params)?)
            .execute(&mut self.writer.connection)
            .await?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        sqlx::raw_sql(sql).execute(&mut self.writer.connection).await?;
        Ok(())
    }

    /// Leaves the work in the batch, and waits until the batch is as durable as asked for.
    pub(crate) async fn commit(mut self, after: Vec<AfterCommit>) -> Result<(), Error> {
        if self.writer.batch.as_ref().is_some_and(|batch| batch.members > 0) {
            self.writer.run("RELEASE member").await?;
        }
        let flush = self.durability == Durability::Power;
        let Some(batch) = &mut self.writer.batch else {
            return Err(Error::Commit("the batch was rolled back".to_owned()));
        };
        batch.members += 1;
        batch.flush |= flush;
        batch.after.extend(after);
        let mut outcome = batch.outcome.subscribe();
        self.finished = true;
        drop(self);
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Err(reason))) => Err(Error::Commit(reason.to_string())),
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Commit("the database is closing".to_owned())),
        }
    }

    pub(crate) async fn rollback(mut self) -> Result<(), Error> {
        self.finished = true;
        self.writer.undo().await
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.writer.abandoned = !self.finished;
        // Whoever leaves calls the committer, so no batch can be left lying.
        self.wake.notify_one();
    }
}

/// Commits batch after batch until the database is dropped. The lock is fair: whoever queued
/// before the committer joins the batch, whoever came later begins the next.
async fn commit_batches(
    writer: std::sync::Weak<Mutex<Writer>>,
    wake: Arc<Notify>,
    log_path: PathBuf,
) {
    loop {
        wake.notified().await;
        let Some(shared) = writer.upgrade() else { return };
        let mut turn = shared.lock().await;
        if let Err(error) = turn.settle().await {
            tracing::error!(%error, "a transaction could not be undone");
        }
        let Some(batch) = turn.batch.take() else { continue };
        let mut outcome = turn.run("COMMIT").await;
        match &outcome {
            Ok(()) => batch.after.into_iter().for_each(|act| act()),
            // SQLite may have rolled back by itself; then this finds nothing to do.
            Err(_) => drop(turn.run("ROLLBACK").await),
        }
        drop(turn);
        if outcome.is_ok() && batch.flush {
            outcome = flush(&log_path).await;
        }
        let outcome = outcome.map_err(|error| Arc::from(error.to_string()));
        batch.outcome.send_replace(Some(outcome));
    }
}

/// Makes the write-ahead log durable. A failed flush leaves the kernel's idea of the file and the
/// disk's apart, for good: the only safe way on is a restart that reads the disk again.
async fn flush(log_path: &Path) -> Result<(), Error> {
    let path = log_path.to_owned();
    let done = tokio::task::spawn_blocking(move || File::open(path)?.sync_data()).await;
    match done {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(%error, "flushing the database failed; stopping, since nothing after this can be trusted");
            std::process::abort();
        }
        Err(_) => Err(Error::Commit("the flush was cancelled".to_owned())),
    }
}

fn lock(path: &Path) -> Result<File, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file =
        File::options().create(true).truncate(false).write(true).open(PathBuf::from(name))?;
    file.try_lock().map_err(|_| Error::Locked(path.display().to_string()))?;
    Ok(file)
}

fn log_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

async fn rows<C: Columns>(
    connection: &mut SqliteConnection,
    statement: &'static Statement,
    params: Params,
) -> Result<Vec<C>, Error> {
    let rows = sqlx::query_with(statement.sql(), arguments(params)?).fetch_all(connection).await?;
    rows.iter().map(|row| C::read(&Row::Sqlite(row))).collect()
}

fn arguments(params: Params) -> Result<SqliteArguments, Error> {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
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
