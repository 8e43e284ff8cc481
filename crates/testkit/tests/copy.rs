//! Copies between engines, backups and restores: equal row for row, whole again after being broken
//! off, honest about what the source has lost, and refused where they would do harm.

mod drill;
mod ends;
mod principals;
mod rows;
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;
use wharf_db::Snapshot;
use wharf_registry::copy::{Copied, Stage, Watch};
use wharf_server::copy::{self, Key};
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{Engine, Image, Manifest, V2, Wharf, eventually};

use rows::rows;

/// Runs an `async fn(from, to)` with a booted source and an empty target, for pairs of engines.
macro_rules! between {
    ($($name:ident),+ $(,)?) => { between! { @
        sqlite_to_postgres Sqlite Postgres, postgres_to_sqlite Postgres Sqlite,
        sqlite_to_sqlite Sqlite Sqlite; $($name)+
    } };
    (@ $($module:ident $from:ident $to:ident),+; $($name:ident)+) => {
        between! { @each [$($name)+] $($module $from $to),+ }
    };
    (@each $names:tt $($module:ident $from:ident $to:ident),+) => {
        $( between! { @module $names $module $from $to } )+
    };
    (@module [$($name:ident)+] $module:ident $from:ident $to:ident) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    wharf_testkit::run(wharf_testkit::Engine::$from, |from| {
                        super::$name(from, super::empty(wharf_testkit::Engine::$to))
                    });
                }
            )+
        }
    };
}
pub(crate) use between;

between![
    a_copy_is_equal_row_for_row_and_serves_every_image,
    a_second_run_brings_changes_and_deletions,
    a_copy_broken_off_anywhere_is_completed_by_the_next_run,
    a_second_run_broken_off_anywhere_leaves_the_first_copy,
    lost_bytes_are_told_and_become_no_row,
];

/// An empty place for a server.
pub(crate) fn empty(engine: Engine) -> Wharf {
    Wharf::unbooted(engine, Arc::new(tempfile::tempdir().unwrap()))
}

pub(crate) async fn copied(from: &Wharf, to: &Wharf) -> Copied {
    try_copy(from, to, Key::Bring).await.unwrap()
}

pub(crate) async fn try_copy(from: &Wharf, to: &Wharf, key: Key) -> anyhow::Result<Copied> {
    copy::copy(&from.config(&[]), &to.config(&[]), key, 3, &Unwatched).await
}

pub(crate) async fn snapshot(wharf: &Wharf) -> Snapshot {
    let config = wharf.config(&[]);
    match &config.database_url {
        Some(url) => Snapshot::postgres(&url.0).await.unwrap(),
        None => Snapshot::sqlite(&config.data.join("wharf.db")).await.unwrap(),
    }
}

pub(crate) struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _: Stage, _: u64) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
}

/// Some of everything: principals with all that they can have, two repositories, a shared layer, an index, a subject, tags, an upload
/// under way, a blob of no image.
async fn furnish(wharf: &Wharf) -> Vec<(&'static str, Image)> {
    let v2 = wharf.v2().await;
    for name in ["app", "team/other"] {
        wharf.repository(name).await;
    }
    let large = Image::recipe().layer(noise(1, 300_000)).layer("small").build();
    let shared = Image::recipe().layer(noise(1, 300_000)).config("{\"shared\":true}").build();
    let signature = Image::recipe().layer("signature").subject(&large.manifest).build();
    v2.push_as("app", "v1", &large).await;
    v2.push("app", &signature).await;
    v2.push_as("team/other", "v1", &shared).await;
    let index = Manifest::index(&[&large.manifest, &signature.manifest]);
    v2.push_manifest("app", "all", &index).await;
    v2.push_blob("app", noise(2, 50_000)).await;
    v2.patch(&v2.begin("app").await, noise(3, 1000)).await;
    principals::furnish(wharf.identity()).await;
    vec![("app", large), ("app", signature), ("team/other", shared)]
}

async fn expect_all(v2: &V2, images: &[(&'static str, Image)]) {
    for (repository, image) in images {
        v2.expect(repository, &image.digest(), image).await;
    }
}

async fn a_copy_is_equal_row_for_row_and_serves_every_image(from: Wharf, mut to: Wharf) {
    let images = furnish(&from).await;
    let copied = copied(&from, &to).await;
    assert_eq!(copied.lost, []);
    let (there, here) =
        (rows(&mut snapshot(&to).await).await, rows(&mut snapshot(&from).await).await);
    for table in ["image_references"].iter().chain(principals::TABLES) {
        assert!(here.iter().any(|row| row.starts_with(table)), "{table}: {here:#?}");
    }
    assert_eq!(there, here);
    // And back again, into the other engine.
    let back = empty(from.engine);
    self::copied(&to, &back).await;
    assert_eq!(rows(&mut snapshot(&back).await).await, here);
    to.restart().await;
    // The keys came along: the same credentials are good.
    assert_eq!(to.credentials().secret, from.credentials().secret);
    expect_all(&to.v2().await, &images).await;
    to.stop().await;
}

async fn a_second_run_brings_changes_and_deletions(from: Wharf, mut to: Wharf) {
    let mut images = furnish(&from).await;
    copied(&from, &to).await;
    let again = copied(&from, &to).await;
    assert_eq!((again.blobs, again.rows), (0, Default::default()), "nothing is done twice");

    let v2 = from.v2().await;
    let next = Image::recipe().layer(noise(4, 100_000)).build();
    v2.push_as("app", "v1", &next).await;
    let (_, gone) = images.remove(2);
    from.api(
        "DeleteRepository",
        serde_json::json!({ "repositoryName": "team/other", "force": true }),
    )
    .await
    .unwrap();
    // The same name, another repository.
    from.repository("team/other").await;
    v2.push_as("team/other", "v2", &next).await;
    images.extend([("app", next.clone()), ("team/other", next)]);

    let second = copied(&from, &to).await;
    assert_eq!(second.lost, []);
    assert!(second.rows.deleted > 0 && second.rows.updated > 0, "{second:?}");
    assert_eq!(rows(&mut snapshot(&to).await).await, rows(&mut snapshot(&from).await).await);
    to.restart().await;
    let v2 = to.v2().await;
    expect_all(&v2, &images).await;
    assert_eq!(v2.manifest("team/other", "v1").await.status, 404);
    assert_eq!(v2.manifest("team/other", &gone.digest()).await.status, 404);
    to.stop().await;
}

/// Ends its copy once so many steps were told.
struct Breaking {
    left: AtomicU64,
    now: Notify,
}

impl Watch for Breaking {
    fn begin(&self, _: Stage, _: u64) {
        self.advance(0);
    }
    fn advance(&self, _: u64) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.now.notify_one();
        }
    }
    fn end(&self) {
        self.advance(0);
    }
}

/// Whether the copy came to its end within so many steps. What a run that was broken off had begun
/// on other threads keeps the target for a moment longer.
async fn copied_within(steps: u64, from: &Wharf, to: &Wharf) -> bool {
    let breaking = Breaking { left: AtomicU64::new(steps), now: Notify::new() };
    let (source, target) = (from.config(&[]), to.config(&[]));
    let copied = eventually("the run before has left the target", async || {
        match copy::copy(&source, &target, Key::Bring, 1, &breaking).await {
            Err(error) if format!("{error:#}").contains("another process serves") => None,
            done => Some(done),
        }
    });
    tokio::select! {
        biased;
        () = breaking.now.notified() => false,
        copied = copied => {
            copied.unwrap();
            true
        }
    }
}

async fn a_copy_broken_off_anywhere_is_completed_by_the_next_run(from: Wharf, mut to: Wharf) {
    let images = furnish(&from).await;
    let all = rows(&mut snapshot(&from).await).await;
    let mut broken = 0;
    for steps in 1.. {
        let whole = copied_within(steps, &from, &to).await;
        let there = rows(&mut snapshot(&to).await).await;
        if whole || !there.is_empty() {
            assert_eq!(there, all, "after {steps} steps");
            break;
        }
        broken += 1;
        let refused = to.try_start(&[]).await.err().unwrap().to_string();
        assert!(refused.contains("never completed"), "{refused}");
    }
    assert!(broken > 0, "it was never broken off");
    to.restart().await;
    expect_all(&to.v2().await, &images).await;
    to.stop().await;
}

async fn a_second_run_broken_off_anywhere_leaves_the_first_copy(from: Wharf, mut to: Wharf) {
    let mut images = furnish(&from).await;
    copied(&from, &to).await;
    let before = rows(&mut snapshot(&to).await).await;
    let v2 = from.v2().await;
    let next = Image::recipe().layer(noise(4, 100_000)).layer("more").build();
    v2.push_as("app", "v1", &next).await;
    v2.delete(&format!("/v2/app/manifests/{}", images[1].1.digest())).await;
    images[1] = ("app", next);
    let after = rows(&mut snapshot(&from).await).await;
    let mut broken = 0;
    for steps in 1.. {
        let whole = copied_within(steps, &from, &to).await;
        let there = rows(&mut snapshot(&to).await).await;
        if whole || there != before {
            assert_eq!(there, after, "after {steps} steps");
            break;
        }
        broken += 1;
    }
    assert!(broken > 0, "it was never broken off");
    to.restart().await;
    expect_all(&to.v2().await, &images).await;
    to.stop().await;
}

async fn lost_bytes_are_told_and_become_no_row(from: Wharf, mut to: Wharf) {
    let images = furnish(&from).await;
    let v2 = from.v2().await;
    let [flipped, cut, missing] =
        [5, 6, 7].map(|seed| Image::recipe().layer(noise(seed, 60_000)).build());
    for image in [&flipped, &cut, &missing] {
        v2.push("app", image).await;
    }
    damage(&from, &flipped, |path| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[30_000] ^= 1;
        replace(path, &bytes);
    });
    damage(&from, &cut, |path| replace(path, &std::fs::read(path).unwrap()[..59_999]));
    damage(&from, &missing, |path| std::fs::remove_file(path).unwrap());

    let copied = copied(&from, &to).await;
    let mut lost: Vec<&str> = copied.lost.iter().map(|lost| lost.digest.as_str()).collect();
    lost.sort_unstable();
    let mut expected = [&flipped, &cut, &missing].map(|image| digest(&image.layers[0]));
    expected.sort_unstable();
    assert_eq!(lost, expected);
    assert!(copied.lost.iter().all(|lost| lost.repositories == ["app"]), "{:?}", copied.lost);
    assert_eq!(copied.rows.left_out, 3);

    to.restart().await;
    let v2 = to.v2().await;
    expect_all(&v2, &images).await;
    for image in [&flipped, &cut, &missing] {
        let path = format!("/v2/app/blobs/{}", digest(&image.layers[0]));
        assert_eq!(v2.head(&path).await.status, 404);
        v2.push("app", image).await;
        v2.expect("app", &image.digest(), image).await;
    }
    to.stop().await;
}

/// Does something to the file that holds the image's layer.
fn damage(wharf: &Wharf, image: &Image, act: impl FnOnce(&std::path::Path)) {
    act(&file_of(wharf, &image.layers[0]));
}

/// Where the bytes of a blob are.
fn file_of(wharf: &Wharf, blob: &[u8]) -> std::path::PathBuf {
    let mut files = wharf.blob_files().into_iter();
    files.find(|path| std::fs::read(path).unwrap() == blob).expect("the blob is in a file")
}

/// Objects are read-only, even for their owner.
fn replace(path: &std::path::Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}
