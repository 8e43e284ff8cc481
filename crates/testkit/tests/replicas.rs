//! Two servers on one PostgreSQL and one S3, where they could do each other harm.

use std::time::Duration;

use wharf_testkit::image::{digest, noise};
use wharf_testkit::s3::{Fault, Kind};
use wharf_testkit::{Engine, V2, Wharf};

/// Longer than a request holds an upload without saying so again.
const LEASE_IS_OVER: Duration = Duration::from_secs(120);

/// Both at the end of the same upload, the first one held up before it writes its row. Its lease ends
/// by the clock of the second, which makes the layer; the first must then leave the layer alone.
async fn whoever_lost_the_lease_changes_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let second = wharf.second().await;
    second.clock.advance(LEASE_IS_OVER);
    let (one, bytes) = (wharf.v2().await, noise(1, 1 << 20));
    let other = V2::new(second.http.clone(), second.address, Some(wharf.token().await));
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
    wharf_testkit::eventually("the first is held up", async || {
        (s3.count(Kind::Head) > before).then_some(())
    })
    .await;
    let made = other.finish(&location, &digest, "").await;
    assert_eq!(made.status, 201, "{}", made.text());
    let late = late.await.unwrap();
    assert!(matches!(late.status, 404 | 409), "{} {}", late.status, late.text());
    for v2 in [&one, &other] {
        assert!(v2.blob("app", &digest).await.body == bytes);
    }
    // Told again, as a client does that did not get the answer.
    assert_eq!(one.finish(&location, &digest, "").await.status, 201);
}

#[test]
fn an_upload_is_ended_by_whoever_holds_it() {
    wharf_testkit::run(Engine::Postgres, whoever_lost_the_lease_changes_nothing);
}
