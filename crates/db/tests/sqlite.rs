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

/// A member that fails, or is dropped, after it wrote takes the batch back; the others run again
/// and none of them notices. Dropping happens at every possible await of the transaction.
#[tokio::test(flavor = "multi_thread")]
async fn dropped_members_cost_nobody_anything() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    for round in 0..400 {
        let honest: Vec<_> = (0..3)
            .map(|n| {
                let (db, id) = (db.clone(), format!("honest-{round}-{n}"));
                tokio::spawn(async move { add(&db, &id).await })
            })
            .collect();
        let (dropped_db, id) = (db.clone(), format!("dropped-{round}"));
        let dropped = tokio::spawn(async move { add(&dropped_db, &id).await });
        for _ in 0..round % 40 {
            tokio::task::yield_now().await;
        }
        dropped.abort();
        for (n, task) in honest.into_iter().enumerate() {
            task.await.unwrap().unwrap();
            let id = format!("honest-{round}-{n}");
            let found = db.optional::<(String,)>(&FIND, (id.as_str(),)).await.unwrap();
            assert!(found.is_some(), "{id} was acknowledged and is gone");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_after_a_commit_is_done_although_nobody_waits() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    for round in 0..50 {
        let (db, told) = (db.clone(), told.clone());
        let task = tokio::spawn(async move {
            tx!(db, |tx| {
                let told = told.clone();
                tx.after_commit(move || told.send(round).unwrap());
                tx.execute(&ADD, (format!("round-{round}"), 1)).await
            })
        });
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        task.abort();
        let _ = task.await;
    }
    // A batch is committed in order, so behind this one everything has been decided.
    add(&db, "last").await.unwrap();
    drop(told);
    let mut told = Vec::new();
    while let Some(round) = heard.recv().await {
        told.push(round);
    }
    for round in 0..50 {
        let id = format!("round-{round}");
        let there = db.optional::<(String,)>(&FIND, (id,)).await.unwrap().is_some();
        assert_eq!(there, told.contains(&round), "round {round}");
    }
}

#[tokio::test]
async fn what_is_written_into_deleted_files_is_not_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder).await;
    add(&db, "before").await.unwrap();
    db.ping().await.unwrap();
    for file in ["wharf.db", "wharf.db-wal", "wharf.db-shm"] {
        std::fs::remove_file(folder.path().join(file)).unwrap();
    }
    let error = add(&db, "after").await.unwrap_err();
    assert!(error.to_string().contains("were deleted under the running server"), "{error}");
    let error = db.ping().await.unwrap_err();
    assert!(error.to_string().contains("/proc/"), "{error}");
    // What is there can be read, and rescued.
    assert!(db.optional::<(String,)>(&FIND, ("before",)).await.unwrap().is_some());
}
