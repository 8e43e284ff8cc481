//! Replicas that start together, and those that meet a schema newer than they are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use wharf_db::{Db, Error};
use wharf_testkit::postgres::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_make_the_schema_once() {
    let cluster = Cluster::start();
    for _ in 0..4 {
        let url = cluster.new_database();
        let starts = (0..12).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Db::postgres(&url).await.map(drop) })
        });
        for start in join_all(starts).await {
            start.unwrap().unwrap();
        }
        // A script that runs twice fails, since its tables are there.
        let versions = cluster.ask(&url, "SELECT version FROM migrations ORDER BY version");
        assert!(versions.starts_with('1'), "{versions}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let cluster = Cluster::start();
    let url = cluster.new_database();
    Db::postgres(&url).await.unwrap().close().await;
    let _ = cluster.ask(&url, "INSERT INTO migrations VALUES (4711)");
    let _ = cluster.ask(&url, "DROP FUNCTION json_each(text)");
    match Db::postgres(&url).await.map(drop) {
        Err(Error::Newer { found: 4711, .. }) => {}
        other => panic!("{other:?}"),
    }
    let gone = cluster.ask(&url, "SELECT to_regprocedure('json_each(text)') IS NULL");
    assert_eq!(gone, "t", "the older program put its own back");
}

#[tokio::test]
async fn a_start_waits_for_the_replica_that_migrates() {
    let cluster = Arc::new(Cluster::start());
    let url = cluster.new_database();
    // Held for longer than a lock is waited for elsewhere.
    let migrating = tokio::task::spawn_blocking({
        let (cluster, url) = (cluster.clone(), url.clone());
        move || cluster.ask(&url, "SELECT pg_advisory_lock(7309940265120334), pg_sleep(4)")
    });
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    wharf_testkit::eventually("the lock is held", async || {
        (cluster.ask(&url, locks) == "1").then_some(())
    })
    .await;
    let begun = Instant::now();
    Db::postgres(&url).await.unwrap();
    assert!(begun.elapsed() > Duration::from_millis(2500), "it waited {:?}", begun.elapsed());
    migrating.await.unwrap();
}

#[tokio::test]
async fn a_server_that_would_lose_writes_or_takes_none_is_refused() {
    let cluster = Cluster::start();
    let url = cluster.new_database();
    let set = |setting: &str| {
        let sql = format!("SET transaction_read_only = off; ALTER ROLE wharf {setting}");
        let _ = cluster.ask(&url, &sql);
    };
    set("SET synchronous_commit = off");
    let error = Db::postgres(&url).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Unsafe(_)), "{error}");
    set("RESET synchronous_commit");
    set("SET default_transaction_read_only = on");
    let error = Db::postgres(&url).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::ReadOnly), "{error}");
    set("RESET ALL");
    Db::postgres(&url).await.unwrap();
    cluster.crash();
    cluster.start_with("-c fsync=off");
    let error = Db::postgres(&url).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("fsync = off"), "{error}");
}
