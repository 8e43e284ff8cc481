//! SQLite: many readers, one writer, and a group commit.
//!
//! Writers take turns on one connection and leave their work in an open transaction, the batch;
//! a task commits it once those who queued before it are through, and a single flush of the
//! write-ahead log then answers all of them. The connection runs with `synchronous=NORMAL`, so
//! COMMIT itself does not flush: the flush here, before anyone is answered, gives what `FULL`
//! gives, outside the writer's turn. A batch of [`Durability::Process`] only needs no flush.
//!
//! Whoever fails after having written, or is dropped half-way, takes the whole batch back; the
//! others in it are told to run again, as after a conflict. There are no savepoints, so nothing
//! can be left half undone.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
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
    progress: Arc<Progress>,
    log: Arc<File>,
    /// Held for as long as the database is open, so that no second process writes to it. None for
    /// a database that is only read.
    lock: Option<File>,
}

struct Writer {
    connection: SqliteConnection,
    batch: Option<Batch>,
    /// Somebody wrote into the batch and neither left it in nor took it back: the batch is undone
    /// before anything else runs.
    spoilt: bool,
}

/// The transactions that will be committed together.
struct Batch {
    flush: bool,
    after: Vec<AfterCommit>,
    outcome: watch::Sender<Option<Outcome>>,
}

/// What became of a batch.
#[derive(Clone)]
enum Outcome {
    Done,
    /// Taken back because of another member; run again.
    Again,
    Full,
    Failed(Arc<str>),
}

/// How far commits and flushes have come, as numbers of batches that need a flush.
struct Progress {
    committed: AtomicU64,
    flushed: watch::Sender<u64>,
}

/// A transaction that has its turn.
pub(crate) struct Open {
    writer: OwnedMutexGuard<Writer>,
    wake: Arc<Notify>,
    durability: Durability,
    /// Whether it may have written.
    dirty: bool,
}

impl Sqlite {
    pub(crate) async fn open(path: &Path) -> Result<Sqlite, Error> {
        let lock = lock(path)?;
        let options = options(path).create_if_missing(true);
        let mut connection = options.connect().await?;
        // Makes sure that the log is there. It stays the same file for as long as it is in use.
        sqlx::query("PRAGMA user_version = 0").execute(&mut connection).await?;
        Sqlite::with(path, connection, options, Some(lock)).await
    }

    /// Opens the database for reading, whoever else has it open. What another process has written
    /// may be seen a moment before it is durable.
    pub(crate) async fn open_to_read(path: &Path) -> Result<Sqlite, Error> {
        let options = options(path).read_only(true);
        let mut connection = options.connect().await?;
        // The log appears with the first look.
        sqlx::query("SELECT count(*) FROM sqlite_schema").execute(&mut connection).await?;
        Sqlite::with(path, connection, options, None).await
    }

    /// Whether this process alone may write here.
    pub(crate) fn exclusive(&self) -> bool {
        self.lock.is_some()
    }

    async fn with(
        path: &Path,
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        lock: Option<File>,
    ) -> Result<Sqlite, Error> {
        let log = Arc::new(File::open(log_path(path))?);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            // Every commit empties the readers' caches, so large ones only cost.
            .connect_with(options.read_only(true).pragma("cache_size", "-1024"))
            .await?;
        let writer = Arc::new(Mutex::new(Writer { connection, batch: None, spoilt: false }));
        let wake = Arc::new(Notify::new());
        let progress =
            Arc::new(Progress { committed: AtomicU64::new(0), flushed: watch::channel(0).0 });
        let committer = Committer {
            writer: Arc::downgrade(&writer),
            progress: progress.clone(),
            log: log.clone(),
        };
        tokio::spawn(committer.run(wake.clone()));
        Ok(Sqlite { readers, writer, wake, progress, log, lock })
    }

    /// Whether the files are still in their folder.
    pub(crate) fn is_there(&self) -> Result<(), Error> {
        if is_deleted(&self.log)? { Err(Error::deleted()) } else { Ok(()) }
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
        writer.settle().await;
        sqlx::raw_sql(sql).execute(&mut writer.connection).await?;
        Ok(())
    }

    /// Waits for the writer's turn, and joins the open batch or begins one.
    pub(crate) async fn begin(&self, durability: Durability) -> Result<Open, Error> {
        if !self.exclusive() {
            return Err(Error::OnlyToRead);
        }
        let mut writer = self.writer.clone().lock_owned().await;
        writer.settle().await;
        // Dropped from here on, it spoils the batch: BEGIN may or may not have run.
        let mut open = Open { writer, wake: self.wake.clone(), durability, dirty: true };
        if open.writer.batch.is_none() {
            let batch = Batch { flush: false, after: Vec::new(), outcome: watch::channel(None).0 };
            open.writer.batch = Some(batch);
            open.writer.run("BEGIN IMMEDIATE").await?;
        }
        open.dirty = false;
        Ok(open)
    }

    /// Returns once everything that a reader can see, and that was asked to, survives power loss.
    pub(crate) async fn settled(&self) {
        let seen = self.progress.committed.load(Ordering::Acquire);
        // An error would mean that the database is closing; then nobody is answered any more.
        let _ = self.progress.flushed.subscribe().wait_for(|flushed| *flushed >= seen).await;
    }

    pub(crate) async fn close(&self) {
        self.wake.notify_one();
        self.readers.close().await;
        self.writer.lock().await.settle().await;
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

    /// Takes a spoilt batch back and tells its members to run again. Dropped half-way, it is simply
    /// done once more by whoever comes next.
    async fn settle(&mut self) {
        if !self.spoilt {
            return;
        }
        if let Some(batch) = self.batch.take() {
            batch.outcome.send_replace(Some(Outcome::Again));
        }
        // SQLite rolls back by itself on some faults (a full disk, for one), and BEGIN may not have
        // run: then there is nothing to roll back, and it says so.
        if let Err(error) = self.run("ROLLBACK").await {
            tracing::debug!(%error, "nothing was left to roll back");
        }
        self.spoilt = false;
    }
}

impl Open {
    pub(crate) async fn all<C: Columns>(
        &mut self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<Vec<C>, Error> {
        // It may be an INSERT … RETURNING.
        self.dirty |= !statement.sql().trim_start().starts_with("SELECT");
        let rows = rows(&mut self.writer.connection, statement, params).await;
        // On some faults SQLite ends the transaction, even for a statement that only reads.
        self.dirty |= rows.is_err();
        rows
    }

    pub(crate) async fn execute(
        &mut self,
        statement: &'static Statement,
        params: Params,
    ) -> Result<u64, Error> {
        self.dirty = true;
        let done = sqlx::query_with(statement.sql(), arguments(params)?)
            .execute(&mut self.writer.connection)
            .await?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        self.dirty = true;
        sqlx::raw_sql(sql).execute(&mut self.writer.connection).await?;
        Ok(())
    }

    /// The connection itself, for what is no declared statement.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        self.dirty = true;
        &mut self.writer.connection
    }

    /// Leaves the work in the batch, and waits until the batch is as durable as asked for.
    pub(crate) async fn commit(mut self, after: Vec<AfterCommit>) -> Result<(), Error> {
        let Some(batch) = &mut self.writer.batch else { return Err(Error::Again) };
        batch.flush |= self.durability == Durability::Power;
        batch.after.extend(after);
        let mut outcome = batch.outcome.subscribe();
        // Nothing can come in between: the work is the batch's from here on.
        self.dirty = false;
        drop(self);
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Outcome::Done)) => Ok(()),
            Ok(Some(Outcome::Again)) => Err(Error::Again),
            Ok(Some(Outcome::Full)) => Err(Error::Full),
            Ok(Some(Outcome::Failed(reason))) => Err(Error::Commit(reason.to_string())),
            Ok(None) | Err(_) => Err(Error::Commit("the database is closing".to_owned())),
        }
    }

    /// Takes back what was written, if anything was.
    pub(crate) async fn rollback(mut self) {
        if self.dirty {
            self.writer.spoilt = true;
            self.writer.settle().await;
            self.dirty = false;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.writer.spoilt |= self.dirty;
        // Whoever leaves calls the committer, so no batch can be left lying.
        self.wake.notify_one();
    }
}

/// Commits batch after batch until the database is dropped.
struct Committer {
    writer: Weak<Mutex<Writer>>,
    progress: Arc<Progress>,
    log: Arc<File>,
}

impl Committer {
    /// The lock is fair: whoever queued before the committer joins the batch, whoever came later
    /// begins the next.
    async fn run(self, wake: Arc<Notify>) {
        loop {
            wake.notified().await;
            let Some(writer) = self.writer.upgrade() else { return };
            let mut turn = writer.lock().await;
            turn.settle().await;
            let Some(batch) = turn.batch.take() else { continue };
            // Counted before: from the COMMIT on, a reader may have seen what is not yet flushed.
            let number = self.count(batch.flush);
            let outcome = match turn.run("COMMIT").await {
                Ok(()) => {
                    batch.after.into_iter().for_each(|act| act());
                    drop(turn);
                    self.flush(number).await
                }
                Err(error) => {
                    turn.spoilt = true;
                    turn.settle().await;
                    if let Some(number) = number {
                        // There is nothing to wait for.
                        self.progress.flushed.send_replace(number);
                    }
                    refused(&error)
                }
            };
            batch.outcome.send_replace(Some(outcome));
        }
    }

    /// The number of a batch that is to be flushed.
    fn count(&self, flush: bool) -> Option<u64> {
        flush.then(|| self.progress.committed.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// Makes the write-ahead log durable. A failed flush leaves the kernel's idea of the file and
    /// the disk's apart, for good: the only safe way on is a restart that reads the disk again.
    async fn flush(&self, number: Option<u64>) -> Outcome {
        let Some(number) = number else { return Outcome::Done };
        let log = self.log.clone();
        let flushed = move || log.sync_data().and_then(|()| is_deleted(&log));
        match tokio::task::spawn_blocking(flushed).await {
            Ok(Ok(deleted)) => {
                self.progress.flushed.send_replace(number);
                if deleted {
                    Outcome::Failed(Error::deleted().to_string().into())
                } else {
                    Outcome::Done
                }
            }
            Ok(Err(error)) => {
                tracing::error!(
                    %error,
                    "flushing the database failed; stopping, since nothing after this can be trusted"
                );
                std::process::abort();
            }
            Err(_) => Outcome::Failed("the flush was cancelled".into()),
        }
    }
}

/// Whether somebody has removed the file. What is written into it then is gone with the process.
fn is_deleted(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(file.metadata()?.nlink() == 0)
}

fn refused(error: &Error) -> Outcome {
    if error.is_full() { Outcome::Full } else { Outcome::Failed(error.to_string().into()) }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .statement_cache_capacity(256)
        .pragma("cache_size", "-8192")
        // 16 MiB of log: a page that changes again and again is copied back less often.
        .pragma("wal_autocheckpoint", "4096")
        // Statement journals in memory: on the disk each is a file made and removed.
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
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

pub(crate) fn arguments(params: Params) -> Result<SqliteArguments, Error> {
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
