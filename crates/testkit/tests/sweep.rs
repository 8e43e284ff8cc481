//! The sweep: what nobody needs goes after its grace, and nothing else, whatever happens meanwhile.
//!
//! The tests sweep when it suits them; the server does so by itself as well, whenever the clock has
//! moved by a quarter of the grace.

use std::time::Duration;

use futures_util::future::join_all;
use wharf_blobs::Store;
use wharf_db::Db;
use wharf_registry::{Error, Registry};
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{Engine, FakeClock, Image, Manifest, V2, Wharf, eventually, on_both};

on_both![
    the_server_sweeps_by_itself,
    a_blob_in_no_image_goes_after_its_grace,
    what_an_image_needs_stays_for_ever,
    the_parts_of_an_old_child_of_a_young_index_stay,
    a_blob_that_was_asked_for_stays_for_another_grace,
    a_shared_blob_goes_with_its_last_repository,
    an_upload_at_rest_goes_after_its_grace,
    bytes_that_came_back_in_time_are_not_swept,
    pushes_that_race_the_sweep_lose_nothing,
];

const GRACE: Duration = Duration::from_secs(4);
/// How long the bytes of a removed blob are kept.
const QUARANTINE: Duration = Duration::from_secs(60 * 60);

async fn sweeping(wharf: &mut Wharf) -> V2 {
    wharf.restart_with(&[("blob_grace", "4s")]).await;
    wharf.repository("app").await;
    wharf.v2().await
}

/// Waits until a blob is gone from the repository.
async fn gone(v2: &V2, repository: &str, digest: &str) {
    let path = format!("/v2/{repository}/blobs/{digest}");
    let ask = async || (v2.get(&path).await.status == 404).then_some(());
    eventually("the sweep takes the blob", ask).await;
}

/// Sweeps, a grace later: whatever was of no use before is old enough.
async fn sweep_later(wharf: &Wharf) {
    wharf.clock.advance(GRACE + Duration::from_millis(1));
    wharf.registry().sweep().await.unwrap();
}

async fn the_server_sweeps_by_itself(mut wharf: Wharf) {
    let v2 = sweeping(&mut wharf).await;
    let layer = v2.push_blob("app", noise(1, 100_000)).await;
    wharf.clock.advance(GRACE * 2);
    gone(&v2, "app", &layer).await;
    let swept = async || {
        // The sweep that took it may give its bytes up only now.
        wharf.clock.advance(QUARANTINE);
        wharf.blob_files().is_empty().then_some(())
    };
    eventually("the bytes are gone from the disk", swept).await;
}

async fn a_blob_in_no_image_goes_after_its_grace(mut wharf: Wharf) {
    let v2 = sweeping(&mut wharf).await;
    let (small, large) = (noise(1, 100), noise(2, 100_000));
    for bytes in [&small, &large] {
        v2.push_blob("app", bytes.clone()).await;
    }
    wharf.clock.advance(GRACE);
    wharf.registry().sweep().await.unwrap();
    for bytes in [&small, &large] {
        assert!(v2.blob("app", &digest(bytes)).await.body == *bytes);
    }
    wharf.clock.advance(Duration::from_millis(1));
    wharf.registry().sweep().await.unwrap();
    for bytes in [&small, &large] {
        gone(&v2, "app", &digest(bytes)).await;
    }
    assert_eq!(wharf.blob_files().len(), 1, "the bytes stay in quarantine");
    wharf.clock.advance(QUARANTINE);
    wharf.registry().sweep().await.unwrap();
    assert!(wharf.blob_files().is_empty());
    v2.push_blob("app", large.clone()).await;
    assert!(v2.blob("app", &digest(&large)).await.body == large);
}

async fn what_an_image_needs_stays_for_ever(mut wharf: Wharf) {
    let v2 = sweeping(&mut wharf).await;
    let image = Image::recipe().layer(noise(1, 50)).layer(noise(2, 50_000)).build();
    v2.push("app", &image).await;
    for _ in 0..3 {
        sweep_later(&wharf).await;
        wharf.clock.advance(QUARANTINE * 24);
    }
    wharf.v2().await.expect("app", &image.digest(), &image).await;
}

async fn the_parts_of_an_old_child_of_a_young_index_stay(mut wharf: Wharf) {
    let v2 = sweeping(&mut wharf).await;
    let child = Image::of("old");
    v2.push("app", &child).await;
    sweep_later(&wharf).await;
    let index = Manifest::index(&[&child.manifest]);
    v2.push_manifest("app", "young", &index).await;
    sweep_later(&wharf).await;
    v2.expect("app", &child.digest(), &child).await;
    assert_eq!(v2.manifest("app", "young").await.body, index.bytes);
}

async fn a_blob_that_was_asked_for_stays_for_another_grace(mut wharf: Wharf) {
    let v2 = sweeping(&mut wharf).await;
    let image = Image::of("app");
    v2.push_blobs("app", &image).await;
    wharf.clock.advance(GRACE / 2);
    for blob in image.blobs() {
        assert_eq!(v2.head(&format!("/v2/app/blobs/{}", digest(blob))).await.status, 200);
    }
    // A stop writes down what was asked for.
    wharf.restart_with(&[("blob_grace", "4s")]).await;
    let v2 = wharf.v2().await;
    let old = v2.push_blob("app", "asked for by nobody").await;
    wharf.clock.advance(GRACE - Duration::from_millis(1));
    for blob in image.blobs() {
        assert_eq!(v2.head(&format!("/v2/app/blobs/{}", digest(blob))).await.status, 200);
    }
    v2.push_manifest("app", "v1", &image.manifest).await;
    wharf.clock.advance(Duration::from_millis(2));
    wharf.registry().sweep().await.unwrap();
    gone(&v2, "app", &old).await;
    v2.expect("app", "v1", &image).await;
}

async fn a_shared_blob_goes_with_its_last_repository(mut wharf: Wharf) {
    let v2 = sweeping(&mut wharf).await;
    wharf.repository("other").await;
    let image = Image::recipe().layer(noise(3, 100_000)).build();
    v2.push("app", &image).await;
    v2.push("other", &image).await;
    assert_eq!(wharf.blob_files().len(), 1);
    let path = format!("/manifests/{}", image.digest());
    assert_eq!(v2.delete(&format!("/v2/app{path}")).await.status, 202);
    sweep_later(&wharf).await;
    gone(&v2, "app", &digest(&image.layers[0])).await;
    v2.expect("other", &image.digest(), &image).await;
    wharf.clock.advance(QUARANTINE * 2);
    let v2 = wharf.v2().await;
    sweep_later(&wharf).await;
    v2.expect("other", &image.digest(), &image).await;
    assert_eq!(v2.delete(&format!("/v2/other{path}")).await.status, 202);
    sweep_later(&wharf).await;
    gone(&v2, "other", &digest(&image.layers[0])).await;
    wharf.clock.advance(QUARANTINE * 2);
    wharf.registry().sweep().await.unwrap();
    assert!(wharf.blob_files().is_empty());
}

async fn an_upload_at_rest_goes_after_its_grace(mut wharf: Wharf) {
    let v2 = sweeping(&mut wharf).await;
    let begin = async || {
        let begun = v2.patch(&v2.begin("app").await, noise(1, 100_000)).await;
        assert_eq!(begun.status, 202);
        begun.header("location").to_owned()
    };
    let (resting, busy) = (begin().await, begin().await);
    wharf.clock.advance(GRACE);
    assert_eq!(v2.patch(&busy, "more").await.status, 202);
    let before = wharf.stored_files().len();
    wharf.clock.advance(Duration::from_millis(1));
    wharf.registry().sweep().await.unwrap();
    let ask = async || (v2.get(&resting).await.status == 404).then_some(());
    eventually("the sweep takes the upload", ask).await;
    // The row goes first, the bytes last.
    let one_left = async || (wharf.stored_files().len() == before - 1).then_some(());
    eventually("its bytes follow", one_left).await;
    assert_eq!(v2.get(&busy).await.header("range"), "0-100003");
    let bytes = [noise(1, 100_000), "more".into()].concat();
    assert_eq!(v2.finish(&busy, &digest(&bytes), "").await.status, 201);
}

/// As when the database was lost, or another one was named.
#[test]
fn a_database_that_does_not_know_the_store_empties_nothing() {
    wharf_testkit::run(Engine::Sqlite, async |mut wharf: Wharf| {
        wharf.repository("app").await;
        let v2 = wharf.v2().await;
        for n in 0..110 {
            v2.push_blob("app", noise(n, 17_000)).await;
        }
        let (stored, folder) = (wharf.blob_files().len(), wharf.folder());
        wharf.stop().await;
        wharf.clock.advance(GRACE * 1_000_000);
        let other = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&other.path().join("other.db")).await.unwrap();
        let store = Store::files(&folder, wharf_blobs::Options::default()).unwrap();
        let settings = wharf_registry::Settings { grace: GRACE, ..Default::default() };
        let registry = Registry::new(db.clone(), store, wharf.clock.clock(), settings);
        assert_eq!(registry.sweep().await.unwrap().files, 0);
        assert_eq!((stored, wharf.blob_files().len()), (110, 110));
        db.close().await;
    });
}

async fn bytes_that_came_back_in_time_are_not_swept(mut wharf: Wharf) {
    let v2 = sweeping(&mut wharf).await;
    let image = Image::recipe().layer(noise(4, 100_000)).build();
    for _ in 0..3 {
        v2.push("app", &image).await;
        v2.expect("app", &image.digest(), &image).await;
        v2.delete(&format!("/v2/app/manifests/{}", image.digest())).await;
        sweep_later(&wharf).await;
        gone(&v2, "app", &digest(&image.layers[0])).await;
    }
    v2.push("app", &image).await;
    wharf.clock.advance(QUARANTINE * 2);
    wharf.registry().sweep().await.unwrap();
    assert_eq!(wharf.blob_files().len(), 1, "the bytes of before are gone from the disk");
    wharf.v2().await.expect("app", &image.digest(), &image).await;
}

/// Pushers push images of shared layers while each request makes the clock run, so that sweeps
/// take whatever no image holds yet. Each push succeeds whole or is refused cleanly.
async fn pushes_that_race_the_sweep_lose_nothing(mut wharf: Wharf) {
    let v2 = sweeping(&mut wharf).await;
    let pushers =
        (0..4).map(|n| tokio::spawn(push_for_a_while(v2.clone(), wharf.clock.clone(), n)));
    let kept = tokio::select! {
        kept = join_all(pushers) => kept,
        never = sweep_for_ever(&wharf) => never,
    };
    let kept: Vec<Image> = kept.into_iter().flat_map(|kept| kept.unwrap()).collect();
    assert!(!kept.is_empty(), "no push succeeded");
    for _ in 0..2 {
        sweep_later(&wharf).await;
        wharf.clock.advance(QUARANTINE * 2);
    }
    let v2 = wharf.v2().await;
    for image in &kept {
        v2.expect("app", &image.digest(), image).await;
    }
}

async fn sweep_for_ever<T>(wharf: &Wharf) -> T {
    loop {
        match wharf.registry().sweep().await {
            // As a job it would be tried again.
            Err(Error::Fault(fault) | Error::Unavailable(fault)) if is_conflict(&*fault) => {}
            outcome => _ = outcome.unwrap(),
        }
    }
}

fn is_conflict(fault: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(fault.downcast_ref(), Some(wharf_db::Error::Conflict(_)))
}

/// The images whose pushes were acknowledged and that were not deleted again.
async fn push_for_a_while(v2: V2, clock: FakeClock, pusher: u64) -> Vec<Image> {
    let (begun, mut kept) = (std::time::Instant::now(), Vec::new());
    for round in 0.. {
        let image = Image::recipe()
            .layer(noise(round % 3, 20_000))
            .layer(noise(round % 2, 200))
            .config(format!("{{\"pusher\":{pusher},\"round\":{round}}}"))
            .build();
        for blob in image.blobs() {
            clock.advance(GRACE / 20);
            // As clients do: what is said to be there is not sent.
            if v2.head(&format!("/v2/app/blobs/{}", digest(blob))).await.status == 404 {
                v2.push_blob("app", blob.clone()).await;
            }
        }
        let pushed = v2.put_manifest("app", &image.digest(), &image.manifest).await;
        match pushed.status {
            201 if round % 4 == 0 => kept.push(image),
            201 => {
                let path = format!("/v2/app/manifests/{}", image.digest());
                assert_eq!(v2.delete(&path).await.status, 202);
            }
            _ => pushed.refuses_with(404, "MANIFEST_BLOB_UNKNOWN"),
        }
        if begun.elapsed() > Duration::from_secs(5) {
            break;
        }
    }
    kept
}
