//! Bringing the schema up to date: numbered scripts in `migrations/`, each run once, in order,
//! by one process at a time. The scripts are one text for both engines; what PostgreSQL lacks
//! (byte-ordered text, `blob`, `json_each` on text) its prelude teaches it first.
//!
//! Replicas of the version before go on while a script runs and after it. So a script only adds
//! (tables, columns that may be null or have a default, indexes); what is no longer used goes a
//! release later. See decision 0010.

use std::time::Duration;

use crate::{Db, Engine, Error, statement, tx};

/// The scripts in order; version n is the n-th of them, counted from 1.
pub(crate) const SCRIPTS: &[&str] = &[
    include_str!("../../../migrations/0001_registry.sql"),
    include_str!("../../../migrations/0002_installation.sql"),
    include_str!("../../../migrations/0003_identity.sql"),
    include_str!("../../../migrations/0004_ecr_policies.sql"),
];

const POSTGRES_PRELUDE: &str = include_str!("../../../migrations/postgres_prelude.sql");

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY)";

/// How often a script that waits for a table in vain is tried: whoever waits for a lock makes all
/// behind it wait, so it gives up after two seconds and lets them through.
const LOCK_TRIES: u32 = 30;
const LOCK_PAUSE: Duration = Duration::from_secs(1);
/// The version that the scripts lead to.
pub(crate) fn newest() -> i64 {
    SCRIPTS.len() as i64
}

pub(crate) async fn run(db: &Db) -> Result<(), Error> {
    match &db.engine {
        Engine::Sqlite(engine) => {
            engine.script(HISTORY).await?;
            bring_up(db).await
        }
        Engine::Postgres(engine) => {
            // Dropped at whatever end, the connection closes and the lock goes with it.
            let _turn = engine.lock_migrations().await?;
            // Before anything is touched: what is newer is not to be changed back.
            if engine.has_table("migrations").await? {
                refuse_newer(db).await?;
            }
            let made = async {
                engine.script(POSTGRES_PRELUDE).await?;
                bring_up(db).await
            };
            made.await.map_err(|error| engine.told_of_schema(error))
        }
    }
}

async fn bring_up(db: &Db) -> Result<(), Error> {
    refuse_newer(db).await?;
    for (index, script) in SCRIPTS.iter().enumerate() {
        apply(db, index as i64 + 1, script).await?;
    }
    Ok(())
}

/// For a database that may not be changed: its schema must be what this program knows.
pub(crate) async fn expect_current(db: &Db) -> Result<(), Error> {
    let (found, known) = (version(db).await?, newest());
    if found < known { Err(Error::Older { found, known }) } else { Ok(()) }
}

async fn refuse_newer(db: &Db) -> Result<(), Error> {
    version(db).await.map(|_| ())
}

/// The version of the schema, unless it is newer than this program.
async fn version(db: &Db) -> Result<i64, Error> {
    statement!(NEWEST = "SELECT COALESCE(MAX(version), 0) FROM migrations");
    let found = db.optional::<(i64,)>(&NEWEST, ()).await?.map_or(0, |(version,)| version);
    let known = newest();
    if found > known { Err(Error::Newer { found, known }) } else { Ok(found) }
}

async fn apply(db: &Db, version: i64, script: &'static str) -> Result<(), Error> {
    for _ in 1..LOCK_TRIES {
        match apply_once(db, version, script).await {
            Err(error) if error.is_lock_timeout() => {
                tracing::warn!(version, "a table is in use; the schema script is tried again");
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            done => return done,
        }
    }
    apply_once(db, version, script).await
}

async fn apply_once(db: &Db, version: i64, script: &'static str) -> Result<(), Error> {
    statement!(FIND = "SELECT version FROM migrations WHERE version = $1");
    statement!(RECORD = "INSERT INTO migrations (version) VALUES ($1)");
    tx!(db, |tx| {
        tx.migrating().await?;
        if tx.optional::<(i64,)>(&FIND, (version,)).await?.is_none() {
            tx.script(script).await?;
            tx.execute(&RECORD, (version,)).await?;
            tracing::info!(version, "the database schema was brought up to date");
        }
        Ok(())
    })
}
