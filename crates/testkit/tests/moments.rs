//! Caches of replicas that share a PostgreSQL: what one was told is what the other serves next.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use wharf_db::{Cached, Db, Durability, Epochs, Error, in_request, statement, tx};
use wharf_testkit::postgres::Cluster;

statement! {
    ADD = "INSERT INTO accounts (id, created_at) VALUES ($1, 0)";
    READ = "SELECT created_at FROM accounts WHERE id = $1";
    WRITE = "UPDATE accounts SET created_at = $2 WHERE id = $1";
}

/// A replica that remembers numbers as the rooms remember tags.
struct Replica {
    db: Db,
    epochs: Epochs,
    remembered: Mutex<HashMap<String, Cached<i64>>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Replica {
    async fn of(url: &str) -> Arc<Replica> {
        let db = Db::postgres(url).await.unwrap();
        Arc::new(Replica {
            epochs: Epochs::new(&db),
            db,
            remembered: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    async fn add(&self, id: &str) {
        tx!(self.db, |tx| tx.execute(&ADD, (id,)).await).unwrap();
    }

    async fn read(&self, id: &str) -> i64 {
        let epoch = self.epochs.current(id).await;
        let cached = self.remembered.lock().unwrap().get(id).cloned();
        if let Some(value) = cached.and_then(|cached| cached.fresh(epoch)) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return value;
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let (value,) = self.db.optional::<(i64,)>(&READ, (id,)).await.unwrap().unwrap();
        if let Some(epoch) = epoch {
            self.remembered.lock().unwrap().insert(id.to_owned(), Cached { epoch, value });
        }
        value
    }

    async fn write(&self, id: &str, value: i64, durability: Durability) {
        let written: Result<u64, Error> = tx!(self.db, durability, |tx| {
            let (epochs, key) = (self.epochs.clone(), id.to_owned());
            tx.after_commit(move || epochs.advance(key.as_str()));
            tx.execute(&WRITE, (id, value)).await
        });
        assert_eq!(written.unwrap(), 1);
    }
}

/// One number that only grows, and is written by one task at a time. Then it is linearizable if
/// no read gives less than what was acknowledged, or read by anybody, before it began.
#[derive(Default)]
struct Register {
    begun: AtomicI64,
    /// Acknowledged to the writer, or seen by a reader.
    told: AtomicI64,
    reads: AtomicU64,
    done: AtomicBool,
}

const MOVES: i64 = 1_500;
const REGISTERS: usize = 3;

async fn move_it(register: Arc<Register>, id: String, replicas: [Arc<Replica>; 2]) {
    for value in 1..=MOVES {
        register.begun.store(value, Ordering::SeqCst);
        // Both replicas write in turn, most of the time without a flush, to be quick.
        let durability = if value % 8 == 0 { Durability::Power } else { Durability::Process };
        replicas[value as usize % 2].write(&id, value, durability).await;
        register.told.fetch_max(value, Ordering::SeqCst);
        if value % 16 == 0 {
            // A pause in which the caches are of use.
            let read = register.reads.load(Ordering::SeqCst);
            while register.reads.load(Ordering::SeqCst) < read + 20 {
                tokio::task::yield_now().await;
            }
        }
    }
    register.done.store(true, Ordering::SeqCst);
}

async fn watch(register: Arc<Register>, id: String, replica: Arc<Replica>) {
    while !register.done.load(Ordering::SeqCst) {
        let least = register.told.load(Ordering::SeqCst);
        let value = in_request(replica.read(&id)).await;
        assert!(value >= least, "{id}: {value} was served after {least} had been told");
        assert!(value <= register.begun.load(Ordering::SeqCst), "{id}: {value} was never written");
        register.told.fetch_max(value, Ordering::SeqCst);
        register.reads.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_replica_wrote_is_what_the_other_reads_next() {
    let cluster = Cluster::start();
    let url = cluster.new_database();
    let replicas = [Replica::of(&url).await, Replica::of(&url).await];
    let mut tasks = Vec::new();
    for number in 0..REGISTERS {
        let (register, id) = (Arc::new(Register::default()), format!("register-{number}"));
        replicas[0].add(&id).await;
        for replica in [&replicas[0], &replicas[1], &replicas[0], &replicas[1]] {
            tasks.push(tokio::spawn(watch(register.clone(), id.clone(), replica.clone())));
        }
        tasks.push(tokio::spawn(move_it(register, id, replicas.clone())));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for replica in &replicas {
        let hits = replica.hits.load(Ordering::Relaxed);
        let misses = replica.misses.load(Ordering::Relaxed);
        assert!(hits > 100 && misses > 100, "{hits} hits, {misses} misses: nothing was proven");
    }
}

#[tokio::test]
async fn what_was_read_stays_true_until_something_is_written() {
    let cluster = Cluster::start();
    let url = cluster.new_database();
    let (one, other) = (Replica::of(&url).await, Replica::of(&url).await);
    one.add("a").await;
    assert_eq!(one.read("a").await, 0);
    for _ in 0..100 {
        assert_eq!(one.read("a").await, 0);
    }
    assert_eq!(one.hits.load(Ordering::Relaxed), 100);
    other.write("a", 1, Durability::Power).await;
    assert_eq!(one.read("a").await, 1);
    assert_eq!(one.misses.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_request_sees_what_it_wrote_itself() {
    let cluster = Cluster::start();
    let replica = Replica::of(&cluster.new_database()).await;
    replica.add("a").await;
    in_request(async {
        assert_eq!(replica.read("a").await, 0);
        replica.write("a", 1, Durability::Power).await;
        assert_eq!(replica.read("a").await, 1);
        replica.write("a", 2, Durability::Process).await;
        assert_eq!(replica.read("a").await, 2);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_remembered_across_a_new_connection() {
    let cluster = Cluster::start();
    let url = cluster.new_database();
    let replica = Replica::of(&url).await;
    replica.add("a").await;
    let before = replica.epochs.current("a").await.unwrap();
    assert_eq!(replica.epochs.current("a").await, Some(before));
    // Ends connections without a transaction id: the text of the snapshot stays as it was.
    let text = "SELECT CAST(pg_current_snapshot() AS text)";
    let snapshot = cluster.ask(&url, text);
    let ended = cluster.ask(
        &url,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
         WHERE query LIKE '%pg_current_snapshot%' AND pid <> pg_backend_pid()",
    );
    assert_eq!((ended.as_str(), cluster.ask(&url, text)), ("t", snapshot));
    let after = replica.epochs.current("a").await.unwrap();
    assert_ne!(before, after);
    assert_eq!(replica.epochs.current("a").await, Some(after));
}

#[tokio::test]
async fn without_the_database_nothing_is_served_from_memory() {
    let cluster = Cluster::start();
    let replica = Replica::of(&cluster.new_database()).await;
    replica.add("a").await;
    assert_eq!(replica.read("a").await, 0);
    cluster.crash();
    assert_eq!(replica.epochs.current("a").await, None);
    let error = replica.db.optional::<(i64,)>(&READ, ("a",)).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    cluster.start_with("");
    assert_eq!(replica.read("a").await, 0);
}
