//! Two servers on one PostgreSQL and one S3, where they could do each other harm.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wharf_db::{Db, statement, tx};
use wharf_testkit::http::{Response, held};
use wharf_testkit::image::{digest, noise};
use wharf_testkit::s3::{Fault, Kind};
use wharf_testkit::{Engine, V2, Wharf, eventually};

/// Longer than a request holds an upload without saying so again.
const LEASE_IS_OVER: Duration = Duration::from_secs(120);

/// Both at the end of the same upload, the first one held up before it writes its row. Its lease ends
/// by the clock of the second, which makes the layer; the first must then leave the layer alone.
async fn whoever_lost_the_lease_changes_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let second = wharf.second().await;
    second.clock.advance(LEASE_IS_OVER);
    let (one, bytes) = (wharf.v2().await, noise(1, 1 << 20));
    let other = at(&wharf, &second).await;
    let digest = digest(&bytes);
    let patched = one.patch(&one.begin("app").await, bytes.clone()).await;
    let location = patched.header("location").to_owned();

    let s3 = wharf.s3().expect("the layers are in S3");
    let before = s3.count(Kind::Head);
    s3.fail(Kind::Head, Fault::Stall, 1);
    let late = {
        let (one, location, digest) = (one.clone(), location.clone(), digest.clone());
        tokio::spawn(async move { one.finish(&location, &digest, "").await })
    };
    eventually("the first is held up", async || (s3.count(Kind::Head) > before).then_some(()))
        .await;
    let made = other.finish(&location, &digest, "").await;
    assert_eq!(made.status, 201, "{}", made.text());
    let late = late.await.unwrap();
    assert!(matches!(late.status, 404 | 503), "{} {}", late.status, late.text());
    for v2 in [&one, &other] {
        assert!(v2.blob("app", &digest).await.body == bytes);
    }
    // Told again, as a client does that did not get the answer.
    assert_eq!(one.finish(&location, &digest, "").await.status, 201);
}

/// One replica in the middle of an append that never ends, and the other one asked to end the upload.
/// The one does not renew its lease as long as its clock stands still, as if it were dead.
struct Met {
    wharf: Wharf,
    holder: Wharf,
    location: String,
    bytes: Bytes,
    _body: mpsc::Sender<Bytes>,
}

impl Met {
    async fn begin(wharf: Wharf) -> Met {
        wharf.repository("app").await;
        let holder = wharf.second().await;
        let (v2, bytes) = (wharf.v2().await, noise(1, 1 << 20));
        let patched = v2.patch(&v2.begin("app").await, bytes.clone()).await;
        let location = patched.header("location").to_owned();
        let (sender, body) = held();
        let (other, path) = (at(&wharf, &holder).await, location.clone());
        tokio::spawn(async move { other.send(Method::PATCH, &path, &[], body).await });
        // Large enough for a part, so that it shows.
        sender.send(noise(2, 16 << 20)).await.unwrap();
        eventually("the holder is at work", async || {
            (!wharf.upload_files().is_empty()).then_some(())
        })
        .await;
        Met { wharf, holder, location, bytes, _body: sender }
    }

    /// Ends the upload at the other replica.
    async fn end(&self) -> JoinHandle<Response> {
        let (v2, location, digest) =
            (self.wharf.v2().await, self.location.clone(), digest(&self.bytes));
        tokio::spawn(async move { v2.finish(&location, &digest, "").await })
    }
}

/// A client of one replica with a token that the other gave.
async fn at(wharf: &Wharf, replica: &Wharf) -> V2 {
    V2::new(replica.http.clone(), replica.address, Some(wharf.token().await))
}

async fn the_lease_of_the_dead_is_waited_out(wharf: Wharf) {
    let met = Met::begin(wharf).await;
    let mut ended = met.end().await;
    // Longer than the living are waited for.
    let early = tokio::time::timeout(Duration::from_secs(7), &mut ended).await;
    assert!(early.is_err(), "{early:?}");
    met.wharf.clock.advance(LEASE_IS_OVER);
    let ended = ended.await.unwrap();
    assert_eq!(ended.status, 201, "{}", ended.text());
    let v2 = met.wharf.v2().await;
    assert!(v2.blob("app", &digest(&met.bytes)).await.body == met.bytes);
}

async fn the_living_are_not_waited_for(wharf: Wharf) {
    let met = Met::begin(wharf).await;
    let ended = met.end().await;
    eventually("the answer", async || {
        met.holder.clock.advance(Duration::from_secs(1));
        ended.is_finished().then_some(())
    })
    .await;
    let ended = ended.await.unwrap();
    ended.refuses_with(503, "UNAVAILABLE");
    assert_eq!(ended.header("retry-after"), "2");
}

statement! {
    // Makes whoever gives this layer to the repository wait.
    LINK = "INSERT INTO blob_links (repository_id, digest, blob_id, linked_at, used_at)
            SELECT r.id, b.digest, b.id, 0, 0 FROM blobs b, repositories r
            WHERE b.digest = $1 AND r.name = 'app'";
    LOSE = "UPDATE blobs SET object = $2 WHERE digest = $1";
}

const NOWHERE: &str =
    "s3/00/00000000-0000-4000-8000-000000000000.00000000-0000-4000-8000-000000000001";

/// A push of bytes that are there already, and that another replica's check puts aside when the push
/// has seen them and has not linked them yet: then those of the push are kept.
async fn what_is_put_aside_under_a_push_is_healed_by_it(mut wharf: Wharf) {
    wharf.repository("app").await;
    wharf.repository("other").await;
    let bytes = noise(3, 100_000);
    let digest = wharf.v2().await.push_blob("other", bytes.clone()).await;
    // That the object is there is not remembered then.
    wharf.restart().await;
    let url = wharf.config(&[]).database_url.expect("the rows are in PostgreSQL");
    let db = Db::postgres(&url.0).await.unwrap();
    let (v2, s3) = (wharf.v2().await, wharf.s3().expect("the layers are in S3"));
    let before = s3.count(Kind::Head);
    let pushed = std::sync::Mutex::new(None);
    let lost: Result<(), wharf_db::Error> = tx!(db, |tx| {
        tx.execute(&LINK, (digest.as_str(),)).await?;
        let (v2, bytes) = (v2.clone(), bytes.clone());
        *pushed.lock().unwrap() =
            Some(tokio::spawn(async move { v2.push_blob("app", bytes).await }));
        eventually("the push looks for the object", async || {
            (s3.count(Kind::Head) > before).then_some(())
        })
        .await;
        tx.execute(&LOSE, (digest.as_str(), NOWHERE)).await.map(drop)
    });
    lost.unwrap();
    let pushed = pushed.into_inner().unwrap().expect("it was begun");
    assert_eq!(pushed.await.unwrap(), digest);
    for repository in ["app", "other"] {
        assert!(v2.blob(repository, &digest).await.body == bytes);
    }
    db.close().await;
}

#[test]
fn a_push_of_what_is_put_aside_heals_it() {
    wharf_testkit::run(Engine::Postgres, what_is_put_aside_under_a_push_is_healed_by_it);
}

#[test]
fn an_upload_whose_replica_died_goes_on() {
    wharf_testkit::run(Engine::Postgres, the_lease_of_the_dead_is_waited_out);
}

#[test]
fn an_upload_whose_replica_lives_is_busy() {
    wharf_testkit::run(Engine::Postgres, the_living_are_not_waited_for);
}

#[test]
fn an_upload_is_ended_by_whoever_holds_it() {
    wharf_testkit::run(Engine::Postgres, whoever_lost_the_lease_changes_nothing);
}
