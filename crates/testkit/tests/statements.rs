//! The SQL: each statement of the program, on each engine.

use wharf_db::{Db, STATEMENTS};
use wharf_testkit::postgres;

/// How many there are at least; a linker that lost some would make the other tests vacuous.
const AT_LEAST: usize = 40;

#[tokio::test]
async fn every_statement_is_prepared_by_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    prepare_all(&Db::sqlite(&folder.path().join("wharf.db")).await.unwrap()).await;
}

#[tokio::test]
async fn every_statement_is_prepared_by_postgres() {
    prepare_all(&Db::postgres(&postgres::new_database()).await.unwrap()).await;
}

async fn prepare_all(db: &Db) {
    assert!(STATEMENTS.len() > AT_LEAST, "only {} statements are linked", STATEMENTS.len());
    let mut faults = Vec::new();
    for statement in STATEMENTS {
        if let Err(error) = db.prepare(statement).await {
            faults.push(format!("{error}\n    {}", statement.sql()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
