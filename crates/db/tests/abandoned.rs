//! Transactions dropped at the worst moment, step by step: nobody else may lose anything.
#![allow(clippy::unwrap_used)]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use wharf_db::{Db, Durability, Error, statement, tx};

statement!(ADD = "INSERT INTO accounts (id, created_at) VALUES ($1, $2)");
statement!(FIND = "SELECT id FROM accounts WHERE id = $1");

async fn once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

async fn has(db: &Db, id: &str) -> bool {
    db.optional::<(String,)>(&FIND, (id,)).await.unwrap().is_some()
}

/// A has left its work in the batch; B is refused after writing and dropped while that is undone;
/// then D writes and is dropped while it ends. C, in between, is answered truthfully.
#[tokio::test]
async fn an_answer_is_true_whoever_is_dropped_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite(&folder.path().join("wharf.db")).await.unwrap();
    let power = Durability::Power;
    let (mut a, mut b, mut d) = (db.attempts(power), db.attempts(power), db.attempts(power));
    let mut open = a.begin().await.unwrap();
    open.execute(&ADD, ("a", 1)).await.unwrap();
    let mut begin_b = Box::pin(b.begin());
    assert!(once(&mut begin_b).await.is_pending());
    let mut c = Box::pin(async { tx!(db, |tx| tx.execute(&ADD, ("c", 1)).await.map(drop)) });
    assert!(once(&mut c).await.is_pending());
    let mut begin_d = Box::pin(d.begin());
    assert!(once(&mut begin_d).await.is_pending());
    let mut end_a = Box::pin(a.end(open, Ok::<_, Error>(())));
    assert!(once(&mut end_a).await.is_pending());

    let mut open = begin_b.as_mut().await.unwrap();
    drop(begin_b);
    open.execute(&ADD, ("b", 1)).await.unwrap();
    let mut end_b = Box::pin(b.end(open, Err::<(), Error>(Error::Full)));
    let _ = once(&mut end_b).await;
    drop(end_b);

    let mut open = tokio::select! {
        biased;
        _ = &mut c => panic!("C cannot be through while D waits before the committer"),
        open = begin_d.as_mut() => open.unwrap(),
    };
    drop(begin_d);
    open.execute(&ADD, ("d", 1)).await.unwrap();
    let mut end_d = Box::pin(d.end(open, Err::<(), Error>(Error::Full)));
    let _ = once(&mut end_d).await;
    drop(end_d);

    let (a_is_in, c_is_in): (Option<Result<(), Error>>, Result<(), Error>) = tokio::join!(end_a, c);
    // None: A is told to run again, which it has not done here.
    assert_eq!(matches!(a_is_in, Some(Ok(()))), has(&db, "a").await);
    c_is_in.unwrap();
    assert!(has(&db, "c").await, "C was acknowledged and is lost");
    assert!(!has(&db, "b").await && !has(&db, "d").await);
}
