//! Bringing the schema up to date: numbered scripts in `migrations/`, each run once, in order,
//! by one process at a time. The scripts are one text for both engines; what PostgreSQL lacks
//! (byte-ordered text, `blob`, `json_each` on text) its prelude teaches it first.

use crate::{Db, Engine, Error, statement, tx};

/// The scripts in order; version n is the n-th of them, counted from 1.
const SCRIPTS: &[&str] = &[include_str!("../../../migrations/0001_registry.sql")];

const POSTGRES_PRELUDE: &str = include_str!("../../../migrations/postgres_prelude.sql");

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY)";

pub(crate) async fn run(db: &Db) -> Result<(), Error> {
    prepare_history(db).await?;
    for (index, script) in SCRIPTS.iter().enumerate() {
        apply(db, index as i64 + 1, script).await?;
    }
    Ok(())
}

async fn prepare_history(db: &Db) -> Result<(), Error> {
    match &db.engine {
        Engine::Sqlite(engine) => engine.script(HISTORY).await?,
        Engine::Postgres(engine) => {
            // Several replicas may start at once; CREATE … IF NOT EXISTS alone can collide.
            engine.script(POSTGRES_PRELUDE).await?;
        }
    }
    statement!(NEWEST = "SELECT COALESCE(MAX(version), 0) FROM migrations");
    let found = db.optional::<(i64,)>(&NEWEST, ()).await?.map_or(0, |(version,)| version);
    let known = SCRIPTS.len() as i64;
    if found > known { Err(Error::Newer { found, known }) } else { Ok(()) }
}

async fn apply(db: &Db, version: i64, script: &'static str) -> Result<(), Error> {
    statement!(FIND = "SELECT version FROM migrations WHERE version = $1");
    statement!(RECORD = "INSERT INTO migrations (version) VALUES ($1)");
    tx!(db, |tx| {
        tx.lock_migrations().await?;
        if tx.optional::<(i64,)>(&FIND, (version,)).await?.is_none() {
            tx.script(script).await?;
            tx.execute(&RECORD, (version,)).await?;
            tracing::info!(version, "the database schema was brought up to date");
        }
        Ok(())
    })
}
