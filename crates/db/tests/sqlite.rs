//! The group commit of the SQLite engine: isolation of members, abandoned work, durability order.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use wharf_db::{Db, Error, statement, tx};

statement!(ADD = "INSERT INTO accounts (id, created_at) VALUES ($1, $2)");
statement!(COUNT = "SELECT COUNT(*) FROM accounts");
statement!(FIND = "SELECT id FROM accounts WHERE id = $1");

async fn open(folder: &tempfile::TempDir) -> Db {
    Db::sqlite(&folder.path().join("wharf.db")).await.unwrap()
}

async fn count(db: &Db) -> i64 {
    db.optional::<(i64,)>(&COUNT, ()).await.unwrap().unwrap().0
}

async fn add(db: &Db, id: &str) -> Result<u64, Error> {
    tx!(db, |tx| tx.execute(&ADD, (id, 1)).await)
}

#[derive(Debug)]
enum Refused {
    Db(Error),
    OnPurpose,
}
impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused::Db(error)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_batch_succeed_and_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    let tasks: Vec<_> = (0..200)
        .map(|n: i64| {
            let db = db.clone();
            tokio::spawn(async move {
                tx!(db, |tx| {
                    tx.execute(&ADD, (format!("account-{n}"), n)).await?;
                    if n % 3 == 0 { Err(Refused::OnPurpose) } else { Ok(()) }
                })
            })
        })
        .collect();
    let mut kept = 0;
    for (n, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(()) => {
                kept += 1;
                let id = format!("account-{n}");
                assert!(db.optional::<(String,)>(&FIND, (id,)).await.unwrap().is_some());
            }
            Err(Refused::OnPurpose) => assert_eq!(n % 3, 0),
            Err(Refused::Db(error)) => panic!("{error}"),
        }
    }
    assert_eq!(kept, 133);
    assert_eq!(count(&db).await, 133);
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_transactions_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    let reached = Arc::new(tokio::sync::Notify::new());
    let task = tokio::spawn({
        let (db, reached) = (db.clone(), reached.clone());
        async move {
            tx!(db, |tx| {
                tx.execute(&ADD, ("abandoned", 1)).await?;
                reached.notify_one();
                std::future::pending::<Result<(), Error>>().await
            })
        }
    });
    reached.notified().await;
    task.abort();
    add(&db, "kept").await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    add(&db, "kept").await.unwrap();
    assert!(matches!(Db::sqlite(&folder.path().join("wharf.db")).await, Err(Error::Locked(_))));
    db.close().await;
    drop(db);
    assert_eq!(count(&open(&folder).await).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_there_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    add(&db, "a").await.unwrap();
    let error = add(&db, "a").await.unwrap_err();
    assert!(error.is_unique_violation(), "{error}");
    assert_eq!(count(&db).await, 1);
}
