//! Jobs: each is run by one replica at a time, whatever dies, and is finished by its owner alone.

use std::collections::HashMap;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc, oneshot};
use wharf_db::{Db, statement, tx};
use wharf_registry::job::{self, Job, Kind, LEASE, Next, Outcome, Ran, Worker};
use wharf_registry::{Error, Registry, Settings};
use wharf_testkit::{FakeClock, Replica, Wharf, eventually, on_both};

on_both![
    each_job_is_run_once_whoever_looks,
    a_job_of_a_transaction_that_failed_is_none,
    a_dead_owner_is_succeeded_when_its_lease_ends,
    a_late_owner_changes_nothing,
    a_lease_is_renewed_while_the_work_goes_on,
    an_owner_that_lost_its_lease_stops_working,
    a_job_that_fails_waits_longer_each_time,
    a_job_that_panics_has_failed,
    a_stop_gives_jobs_back_at_once,
    a_recurring_job_is_one_for_all_replicas,
    a_job_goes_on_with_what_it_left_for_itself,
    a_kind_that_only_a_newer_replica_knows_is_left_to_it,
    what_this_replica_enqueued_is_begun_at_once,
];

const MOMENT: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

statement! {
    WAITING = "SELECT subject, due_at, attempts, COALESCE(last_error, '') FROM jobs ORDER BY id";
}

type Act = Box<dyn Fn(Registry, Job) -> BoxFuture<'static, Result<Next, Error>> + Send + Sync>;

/// A kind that does what the test wants.
struct Scripted {
    name: &'static str,
    every: Option<Duration>,
    act: Act,
}

impl Kind for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn every(&self, _: &Settings) -> Option<Duration> {
        self.every
    }

    fn run(&self, registry: Registry, job: Job) -> BoxFuture<'static, Result<Next, Error>> {
        (self.act)(registry, job)
    }
}

fn kind<F>(act: impl Fn(Job) -> F + Send + Sync + 'static) -> Arc<dyn Kind>
where
    F: Future<Output = Result<Next, Error>> + Send + 'static,
{
    scripted("scripted", None, act)
}

fn scripted<F>(
    name: &'static str,
    every: Option<Duration>,
    act: impl Fn(Job) -> F + Send + Sync + 'static,
) -> Arc<dyn Kind>
where
    F: Future<Output = Result<Next, Error>> + Send + 'static,
{
    Arc::new(Scripted { name, every, act: Box::new(move |_, job| Box::pin(act(job))) })
}

/// A kind whose jobs tell that they have begun, and then wait for a permit.
fn gated() -> (Arc<dyn Kind>, mpsc::UnboundedReceiver<Job>, Arc<Semaphore>) {
    let (told, begun) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let permits = gate.clone();
    let kind = kind(move |job| {
        let (told, permits) = (told.clone(), permits.clone());
        async move {
            told.send(job).map_err(Error::fault)?;
            permits.acquire().await.map_err(Error::fault)?.forget();
            Ok(Next::Done)
        }
    });
    (kind, begun, gate)
}

fn worker(replica: &Replica, kind: &Arc<dyn Kind>) -> Arc<Worker> {
    Arc::new(Worker::new(replica.registry.clone(), vec![kind.clone()]))
}

async fn enqueue(replica: &Replica, kind: &Arc<dyn Kind>, subject: &str) {
    let Replica { registry, db, .. } = replica;
    let now = registry.now();
    let enqueued: Result<(), Error> =
        tx!(db, |tx| job::enqueue(registry, tx, &**kind, subject, "{}", now).await);
    enqueued.unwrap();
}

async fn waiting(db: &Db) -> Vec<(String, i64, i64, String)> {
    let rows = db.all::<(String, i64, i64, String)>(&WAITING, ()).await.unwrap();
    // The server that ran before has its own.
    rows.into_iter().filter(|row| !row.0.is_empty()).collect()
}

fn is_done(ran: &Option<Ran>) -> bool {
    matches!(ran, Some(Ran { outcome: Outcome::Done, .. }))
}

async fn each_job_is_run_once_whoever_looks(mut wharf: Wharf) {
    let replicas = wharf.replicas().await;
    let runs: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let counted = runs.clone();
    let kind = kind(move |job| {
        *counted.lock().unwrap().entry(job.subject).or_default() += 1;
        async { Ok(Next::Done) }
    });
    for number in 0..20 {
        enqueue(&replicas[number % 2], &kind, &format!("job {number}")).await;
    }
    let workers = replicas.each_ref().map(|replica| worker(replica, &kind));
    let through = workers.map(|worker| {
        tokio::spawn(async move {
            let mut ran = 0;
            while let Some(one) = worker.run_next().await.unwrap() {
                assert!(matches!(one.outcome, Outcome::Done), "{:?}", one.outcome);
                ran += 1;
            }
            ran
        })
    });
    let mut ran = 0;
    for through in through {
        ran += through.await.unwrap();
    }
    assert_eq!(ran, 20);
    assert_eq!(waiting(&replicas[0].db).await, []);
    let runs = runs.lock().unwrap();
    assert!(runs.len() == 20 && runs.values().all(|times| *times == 1), "{runs:?}");
}

async fn a_job_of_a_transaction_that_failed_is_none(mut wharf: Wharf) {
    let [one, _] = wharf.replicas().await;
    let kind = kind(|_| async { Ok(Next::Done) });
    let (registry, now) = (&one.registry, one.registry.now());
    let refused: Result<(), Error> = tx!(one.db, |tx| {
        job::enqueue(registry, tx, &*kind, "never", "", now).await?;
        Err(Error::ManifestUnknown)
    });
    assert!(matches!(refused, Err(Error::ManifestUnknown)));
    assert!(worker(&one, &kind).run_next().await.unwrap().is_none());
}

async fn a_dead_owner_is_succeeded_when_its_lease_ends(mut wharf: Wharf) {
    let [one, other] = wharf.replicas().await;
    let (kind, mut begun, gate) = gated();
    enqueue(&one, &kind, "orphan").await;
    let owner = worker(&one, &kind);
    let owner = tokio::spawn(async move { owner.run_next().await });
    assert_eq!(begun.recv().await.unwrap().attempts, 1);
    owner.abort();
    assert!(owner.await.unwrap_err().is_cancelled());
    let heir = worker(&other, &kind);
    assert!(heir.run_next().await.unwrap().is_none(), "the lease still lasts");
    wharf.clock.advance(LEASE - MOMENT);
    assert!(heir.run_next().await.unwrap().is_none(), "the lease still lasts");
    wharf.clock.advance(MOMENT);
    gate.add_permits(1);
    assert!(is_done(&heir.run_next().await.unwrap()));
    let taken_over = begun.recv().await.unwrap();
    assert_eq!((taken_over.subject.as_str(), taken_over.attempts), ("orphan", 2));
    assert_eq!(waiting(&one.db).await, []);
}

async fn a_late_owner_changes_nothing(mut wharf: Wharf) {
    for fails in [false, true] {
        let [one, other] = wharf.replicas().await;
        let (slow, mut slow_begun, slow_gate) = gated();
        let (quick, mut quick_begun, quick_gate) = gated();
        enqueue(&one, &slow, "contested").await;
        let late = worker(&one, &slow);
        let late = tokio::spawn(async move { late.run_next().await.unwrap().unwrap() });
        slow_begun.recv().await.unwrap();
        wharf.clock.advance(LEASE);
        let heir = worker(&other, &quick);
        let heir = tokio::spawn(async move { heir.run_next().await.unwrap() });
        quick_begun.recv().await.unwrap();
        let before = waiting(&one.db).await;
        assert_eq!(before.len(), 1);
        match fails {
            true => slow_gate.close(),
            false => slow_gate.add_permits(1),
        }
        let late = late.await.unwrap();
        assert!(matches!(late.outcome, Outcome::Lost), "{:?}", late.outcome);
        assert_eq!(waiting(&one.db).await, before);
        quick_gate.add_permits(1);
        assert!(is_done(&heir.await.unwrap()));
        assert_eq!(waiting(&one.db).await, []);
    }
}

const SHORT: Duration = Duration::from_millis(1500);

fn short_leases(replica: &Replica, kind: &Arc<dyn Kind>) -> Worker {
    Worker::new(replica.registry.clone(), vec![kind.clone()]).leasing_for(SHORT)
}

async fn a_lease_is_renewed_while_the_work_goes_on(mut wharf: Wharf) {
    let [one, other] = wharf.replicas().await;
    let (kind, mut begun, gate) = gated();
    enqueue(&one, &kind, "long").await;
    let owner = short_leases(&one, &kind);
    let owner = tokio::spawn(async move { owner.run_next().await.unwrap() });
    begun.recv().await.unwrap();
    let heir = short_leases(&other, &kind);
    for _ in 0..3 {
        wharf.clock.advance(SHORT - MOMENT);
        let end = end_of(&wharf.clock, SHORT);
        let renewed = async || (waiting(&one.db).await[0].1 == end).then_some(());
        eventually("the lease is renewed", renewed).await;
        assert!(heir.run_next().await.unwrap().is_none());
    }
    gate.add_permits(1);
    assert!(is_done(&owner.await.unwrap()));
    assert_eq!(waiting(&one.db).await, []);
}

fn end_of(clock: &FakeClock, lease: Duration) -> i64 {
    clock.now() + i64::try_from(lease.as_millis()).unwrap()
}

async fn an_owner_that_lost_its_lease_stops_working(mut wharf: Wharf) {
    let [one, other] = wharf.replicas().await;
    let (kind, mut begun, gate) = gated();
    enqueue(&one, &kind, "lost").await;
    let owner = short_leases(&one, &kind);
    let owner = tokio::spawn(async move { owner.run_next().await.unwrap().unwrap() });
    begun.recv().await.unwrap();
    wharf.clock.advance(SHORT);
    let heir = worker(&other, &kind);
    let heir = tokio::spawn(async move { heir.run_next().await.unwrap() });
    begun.recv().await.unwrap();
    // Its work never gets a permit: it ends by its next renewal.
    assert!(matches!(owner.await.unwrap().outcome, Outcome::Lost));
    gate.add_permits(1);
    assert!(is_done(&heir.await.unwrap()));
}

async fn a_job_that_fails_waits_longer_each_time(mut wharf: Wharf) {
    let [one, other] = wharf.replicas().await;
    let kind = kind(|job| async move {
        match job.attempts {
            ..=3 => Err(Error::fault(std::io::Error::other("no luck"))),
            _ => Ok(Next::Done),
        }
    });
    enqueue(&one, &kind, "unlucky").await;
    let workers = [worker(&one, &kind), worker(&other, &kind)];
    for (attempt, wait) in [(1, 1), (2, 2), (3, 4)] {
        let ran = workers[attempt % 2].run_next().await.unwrap().unwrap();
        assert!(matches!(ran.outcome, Outcome::Failed(_)), "{:?}", ran.outcome);
        let [(_, due, attempts, error)] = &waiting(&one.db).await[..] else { panic!("one row") };
        let wait = Duration::from_secs(wait);
        assert_eq!((*due, *attempts), (end_of(&wharf.clock, wait), attempt as i64));
        assert!(error.ends_with(": no luck"), "{error}");
        wharf.clock.advance(wait - MOMENT);
        for worker in &workers {
            assert!(worker.run_next().await.unwrap().is_none(), "not due yet");
        }
        wharf.clock.advance(MOMENT);
    }
    assert!(is_done(&workers[0].run_next().await.unwrap()));
    assert_eq!(waiting(&one.db).await, []);
}

async fn a_job_that_panics_has_failed(mut wharf: Wharf) {
    let [one, _] = wharf.replicas().await;
    let kind = kind(|_| async { panic!("a fault in the kind") });
    enqueue(&one, &kind, "hopeless").await;
    let ran = worker(&one, &kind).run_next().await.unwrap().unwrap();
    assert!(matches!(ran.outcome, Outcome::Failed(_)), "{:?}", ran.outcome);
    let left = waiting(&one.db).await;
    assert!(left[0].3.contains("a fault in the kind"), "{left:?}");
}

async fn a_stop_gives_jobs_back_at_once(mut wharf: Wharf) {
    let [one, other] = wharf.replicas().await;
    let (kind, mut begun, gate) = gated();
    for subject in ["first", "second"] {
        enqueue(&one, &kind, subject).await;
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let stopping = worker(&one, &kind);
    let stopping = tokio::spawn(async move {
        let ran: Mutex<Vec<&str>> = Mutex::default();
        let stopped = async { stopped.await.unwrap() };
        stopping.run(stopped, |one| ran.lock().unwrap().push(one.outcome.as_str())).await;
        ran.into_inner().unwrap()
    });
    for _ in 0..2 {
        begun.recv().await.unwrap();
    }
    stop.send(()).unwrap();
    assert_eq!(stopping.await.unwrap(), ["given back", "given back"]);
    let heir = worker(&other, &kind);
    gate.add_permits(2);
    for _ in 0..2 {
        assert!(is_done(&heir.run_next().await.unwrap()));
        assert_eq!(begun.recv().await.unwrap().attempts, 1, "a stop is no failed attempt");
    }
}

async fn a_recurring_job_is_one_for_all_replicas(mut wharf: Wharf) {
    let replicas = wharf.replicas().await;
    let runs: Arc<Mutex<u32>> = Arc::default();
    let counted = runs.clone();
    let kind = scripted("recurring", Some(HOUR), move |job| {
        assert_eq!((job.subject.as_str(), job.payload.as_str()), ("", ""));
        *counted.lock().unwrap() += 1;
        async { Ok(Next::Done) }
    });
    let workers = replicas.each_ref().map(|replica| worker(replica, &kind));
    for worker in &workers {
        worker.run(ready(()), |ran| panic!("{ran:?} before its time")).await;
    }
    for turn in 1..=3 {
        wharf.clock.advance(HOUR - MOMENT);
        for worker in &workers {
            assert!(worker.run_next().await.unwrap().is_none(), "not due yet");
            // A start in between puts nothing off.
            worker.run(ready(()), |ran| panic!("{ran:?} before its time")).await;
        }
        wharf.clock.advance(MOMENT);
        let (one, other) = tokio::join!(workers[0].run_next(), workers[1].run_next());
        let ran = [one.unwrap(), other.unwrap()];
        assert_eq!(ran.iter().filter(|ran| is_done(ran)).count(), 1, "{ran:?}");
        assert_eq!(*runs.lock().unwrap(), turn);
    }
}

async fn a_job_goes_on_with_what_it_left_for_itself(mut wharf: Wharf) {
    let [one, other] = wharf.replicas().await;
    let now = one.registry.now();
    let kind = kind(move |job| async move {
        match job.payload.as_str() {
            "{}" => Ok(Next::Again { payload: "half".into(), due: now + 1000 }),
            "half" => Ok(Next::Done),
            other => panic!("{other}"),
        }
    });
    enqueue(&one, &kind, "in two").await;
    let workers = [worker(&one, &kind), worker(&other, &kind)];
    assert!(is_done(&workers[0].run_next().await.unwrap()));
    assert!(workers[1].run_next().await.unwrap().is_none());
    wharf.clock.advance(Duration::from_secs(1));
    assert!(is_done(&workers[1].run_next().await.unwrap()));
    assert_eq!(waiting(&one.db).await, []);
}

async fn a_kind_that_only_a_newer_replica_knows_is_left_to_it(mut wharf: Wharf) {
    let [old, new] = wharf.replicas().await;
    let known = kind(|_| async { Ok(Next::Done) });
    let newer = scripted("newer", None, |_| async { Ok(Next::Done) });
    enqueue(&new, &newer, "of the future").await;
    enqueue(&new, &known, "of today").await;
    let old = worker(&old, &known);
    assert_eq!(old.run_next().await.unwrap().unwrap().subject, "of today");
    assert!(old.run_next().await.unwrap().is_none());
    assert_eq!(worker(&new, &newer).run_next().await.unwrap().unwrap().subject, "of the future");
}

async fn what_this_replica_enqueued_is_begun_at_once(mut wharf: Wharf) {
    const JOBS: u32 = 20;
    let [one, _] = wharf.replicas().await;
    let (kind, mut begun, gate) = gated();
    gate.add_permits(JOBS as usize);
    let working = worker(&one, &kind);
    let working = tokio::spawn(async move { working.run(pending(), |_| {}).await });
    let start = Instant::now();
    for number in 0..JOBS {
        enqueue(&one, &kind, &format!("job {number}")).await;
        begun.recv().await.unwrap();
    }
    // A worker that only looks once a second would need twice as long.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    working.abort();
}
