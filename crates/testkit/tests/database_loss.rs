//! PostgreSQL lost and found again: nothing acknowledged is lost, nothing is done twice, and once
//! it is back there are no errors left over.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use wharf_db::{Db, Durability, Error, statement, tx};
use wharf_testkit::postgres::Cluster;
use wharf_testkit::{Engine, Image, Wharf};

statement! {
    ADD = "INSERT INTO accounts (id, created_at) VALUES ($1, $2)";
    ALL = "SELECT id FROM accounts";
    FIND = "SELECT id FROM accounts WHERE id = $1";
}

async fn add(db: &Db, id: &str) -> Result<u64, Error> {
    tx!(db, |tx| {
        tx.optional::<(String,)>(&FIND, (id,)).await?;
        tx.execute(&ADD, (id, 1)).await
    })
}

async fn ids(db: &Db) -> HashSet<String> {
    let rows = db.all::<(String,)>(&ALL, ()).await.unwrap();
    rows.into_iter().map(|(id,)| id).collect()
}

/// What became of the transactions of one client.
#[derive(Default)]
struct Told {
    acknowledged: Vec<String>,
    refused: Vec<String>,
    /// When what failed had begun, and the failure.
    failures: Vec<(Instant, String)>,
}

async fn load(db: Db, client: usize, done: Arc<AtomicBool>, count: Arc<AtomicU64>) -> Told {
    let mut told = Told::default();
    for number in 0.. {
        if done.load(Ordering::SeqCst) {
            break;
        }
        let (id, begun) = (format!("{client}-{number}"), Instant::now());
        match add(&db, &id).await {
            Ok(_) => {
                told.acknowledged.push(id.clone());
                count.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => {
                assert!(error.is_unavailable(), "{id}: {error}");
                told.failures.push((begun, error.to_string()));
                if !matches!(error, Error::Unknown(_)) {
                    told.refused.push(id.clone());
                }
            }
        }
        let begun = Instant::now();
        if let Err(error) = db.optional::<(String,)>(&FIND, (id.as_str(),)).await {
            told.failures.push((begun, error.to_string()));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_acknowledged_is_lost_when_the_server_crashes_under_load() {
    let cluster = Arc::new(Cluster::start());
    let db = Db::postgres(&cluster.new_database()).await.unwrap();
    let (done, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|client| tokio::spawn(load(db.clone(), client, done.clone(), count.clone())))
        .collect();
    let mut away = Vec::new();
    for _ in 0..3 {
        let before = count.load(Ordering::SeqCst);
        wharf_testkit::eventually("transactions go on", async || {
            (count.load(Ordering::SeqCst) > before + 200).then_some(())
        })
        .await;
        let from = Instant::now();
        let cluster = cluster.clone();
        tokio::task::spawn_blocking(move || cluster.crash_and_restart()).await.unwrap();
        away.push((from, Instant::now()));
    }
    let before = count.load(Ordering::SeqCst);
    wharf_testkit::eventually("transactions go on", async || {
        (count.load(Ordering::SeqCst) > before + 200).then_some(())
    })
    .await;
    done.store(true, Ordering::SeqCst);
    let mut stored = ids(&db).await;
    for client in clients {
        let told = client.await.unwrap();
        for (begun, failure) in told.failures {
            // What began earlier may have met the crash; what began after the return must not.
            let explained =
                away.iter().any(|(from, to)| begun < *to && begun + Duration::from_secs(5) > *from);
            assert!(explained, "without a cause: {failure}");
        }
        stored.extend(ids(&db).await);
        for id in &told.acknowledged {
            assert!(stored.contains(id), "{id} was acknowledged and is lost");
        }
        for id in &told.refused {
            assert!(!stored.contains(id), "{id} was refused and is there");
        }
    }
}

#[tokio::test]
async fn connections_that_died_unused_are_no_errors() {
    let cluster = Cluster::start();
    let url = cluster.new_database();
    let db = Db::postgres(&url).await.unwrap();
    for round in 0..3 {
        // As many connections as the pool has.
        let reads = (0..64).map(|_| db.all::<(String,)>(&ALL, ()));
        for read in futures_util::future::join_all(reads).await {
            read.unwrap();
        }
        match round {
            0 => cluster.crash_and_restart(),
            _ => {
                let _ = cluster.ask(
                    &url,
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                     WHERE application_name = 'wharf'",
                );
            }
        }
        add(&db, &format!("{round}")).await.unwrap();
        assert_eq!(ids(&db).await.len(), round + 1);
    }
}

/// What a proxy does to the first message that holds a word.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Cut {
    /// It never arrives.
    Before,
    /// It arrives, and its answer does not.
    After,
}

/// A way to the server that is cut once, at the first message with `word` in it that comes after
/// it was armed. Gives its port, and what arms it.
async fn proxy(cluster: &Cluster, word: &'static str, cut: Cut) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (socket, armed) = (cluster.socket(), Arc::new(AtomicBool::new(false)));
    let given = armed.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&socket).await.unwrap();
            tokio::spawn(carry(client, server, word, cut, armed.clone()));
        }
    });
    (port, given)
}

async fn carry(
    client: TcpStream,
    server: UnixStream,
    word: &'static str,
    cut: Cut,
    armed: Arc<AtomicBool>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let silent = Arc::new(AtomicBool::new(false));
    let back = tokio::spawn({
        let silent = silent.clone();
        async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
                if silent.load(Ordering::SeqCst) {
                    // The answer has come as far as here: what was asked for is done.
                    return;
                }
                to_client.write_all(&buffer[..count]).await.unwrap();
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
        let found = buffer[..count].windows(word.len()).any(|bytes| bytes == word.as_bytes());
        if found && armed.swap(false, Ordering::SeqCst) {
            if cut == Cut::After {
                silent.store(true, Ordering::SeqCst);
                to_server.write_all(&buffer[..count]).await.unwrap();
                back.await.unwrap();
            } else {
                back.abort();
            }
            return;
        }
        if to_server.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_commit_without_an_answer_is_unknown_and_nothing_is_done_twice() {
    let cluster = Cluster::start();
    // The word, the cut, how often the work is run, whether its row is there in the end.
    let table = [
        ("BEGIN", Cut::Before, 1, true),
        ("BEGIN", Cut::After, 1, true),
        ("accounts", Cut::Before, 2, true),
        ("INSERT INTO accounts", Cut::After, 2, true),
        ("COMMIT", Cut::Before, 1, false),
        ("COMMIT", Cut::After, 1, true),
    ];
    for (word, cut, expected_runs, is_there) in table {
        let direct = cluster.new_database();
        let (port, armed) = proxy(&cluster, word, cut).await;
        let name = direct.split(['/', '?']).nth(3).unwrap();
        let url = format!("postgres://wharf@127.0.0.1:{port}/{name}?sslmode=disable");
        let db = Db::postgres(&url).await.unwrap();
        armed.store(true, Ordering::SeqCst);
        let runs = AtomicU32::new(0);
        let done: Result<u64, Error> = tx!(db, |tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            tx.optional::<(String,)>(&FIND, ("a",)).await?;
            tx.execute(&ADD, ("a", 1)).await
        });
        let case = format!("{word} {cut:?}: {done:?}");
        assert!(!armed.load(Ordering::SeqCst), "nothing was cut, {case}");
        assert_eq!(matches!(done, Err(Error::Unknown(_))), word == "COMMIT", "{case}");
        assert_eq!(done.is_ok(), word != "COMMIT", "{case}");
        assert_eq!(runs.load(Ordering::SeqCst), expected_runs, "{case}");
        assert_eq!(ids(&db).await.contains("a"), is_there, "{case}");
    }
}

#[tokio::test]
async fn who_waits_for_a_connection_is_told_after_two_seconds() {
    let cluster = Cluster::start();
    let url = format!("{}&pool_max_conns=2", cluster.new_database());
    let db = Db::postgres(&url).await.unwrap();
    let (mut one, mut two) = (db.attempts(Durability::Power), db.attempts(Durability::Power));
    let held = (one.begin().await.unwrap(), two.begin().await.unwrap());
    let begun = Instant::now();
    let error = db.all::<(String,)>(&ALL, ()).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    drop(held);
    assert!(ids(&db).await.is_empty());
}

#[tokio::test]
async fn a_transaction_with_a_failed_statement_is_not_acknowledged() {
    let cluster = Cluster::start();
    let db = Db::postgres(&cluster.new_database()).await.unwrap();
    add(&db, "a").await.unwrap();
    // PostgreSQL rolls such a transaction back, and answers its COMMIT without an error.
    let done: Result<(), Error> = tx!(db, |tx| {
        tx.execute(&ADD, ("b", 1)).await?;
        assert!(tx.execute(&ADD, ("a", 1)).await.unwrap_err().is_unique_violation());
        Ok(())
    });
    assert!(matches!(done, Err(Error::Commit(_))), "{done:?}");
    assert_eq!(ids(&db).await.len(), 1);
}

#[test]
fn both_doors_say_that_it_is_soon_over_and_then_it_is() {
    wharf_testkit::run(Engine::Sqlite, |mut wharf: Wharf| async move {
        let cluster = Cluster::start();
        let url = cluster.new_database();
        // The blobs of the booted one are of another installation.
        let data = wharf.data().path().join("other").display().to_string();
        wharf.restart_with(&[("database_url", &url), ("data", &data)]).await;
        wharf.repository("app").await;
        let (v2, image) = (wharf.v2().await, Image::of("app"));
        v2.push_as("app", "latest", &image).await;
        let path = "/v2/app/manifests/latest";
        assert_eq!(v2.get(path).await.status, 200);
        cluster.crash();
        let answer = v2.get(path).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "2"));
        let error = wharf.api("DescribeRepositories", serde_json::json!({})).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.status), ("ServiceUnavailable", 503));
        cluster.start_with("");
        for _ in 0..20 {
            assert_eq!(v2.get(path).await.status, 200);
            wharf.api("DescribeRepositories", serde_json::json!({})).await.unwrap();
        }
        wharf.stop().await;
    });
}
