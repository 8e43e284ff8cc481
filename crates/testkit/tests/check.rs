//! The check: whatever is damaged is found, is not served as good, and is healed by the next push.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use wharf_db::{Db, Statement, statement, tx};
use wharf_registry::Registry;
use wharf_registry::check::{Finding, Flaw, Options, Report};
use wharf_registry::job::{Outcome, Scrub, Scrubbed, Worker};
use wharf_testkit::http::whole;
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{ACCOUNT, Engine, Image, Manifest, REGION, Replica, V2, Wharf, on_both};

on_both![
    where_all_is_well_nothing_is_found,
    a_flipped_bit_is_found_and_healed,
    a_cut_tail_is_found_and_healed,
    swapped_objects_are_found_and_healed,
    a_deleted_object_is_found_and_healed,
    damage_in_a_row_is_found_and_healed,
    a_damaged_manifest_is_found_and_healed,
    a_name_that_was_not_entered_is_entered,
    a_layer_that_is_not_held_is_linked_again,
    a_link_to_another_blob_is_set_right,
    a_missing_child_is_found,
    strays_are_found_when_they_are_old,
    a_check_of_one_repository_looks_at_that_one,
    the_scrub_puts_damage_aside_by_itself,
    a_check_beside_the_server_changes_nothing,
];

/// An image with two layers in the store and one in a row.
struct Stored {
    wharf: Wharf,
    v2: V2,
    image: Image,
}

const LARGE: usize = 300_000;

async fn stored(mut wharf: Wharf) -> Stored {
    wharf.http = wharf.http.expecting_faults();
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let image = Image::recipe().layer(noise(1, LARGE)).layer(noise(2, LARGE)).layer(noise(3, 500));
    let image = image.build();
    v2.push_as("app", "v1", &image).await;
    v2.expect("app", "v1", &image).await;
    Stored { wharf, v2, image }
}

async fn check_with(registry: &Registry, options: Options) -> Report {
    registry.check(&options, &|_| {}).await.unwrap()
}

impl Stored {
    async fn check(&self) -> Vec<Finding> {
        check_with(self.wharf.registry(), Options::default()).await.findings
    }

    async fn repair(&self) -> Vec<Finding> {
        let options = Options { repair: true, ..Options::default() };
        check_with(self.wharf.registry(), options).await.findings
    }

    /// The file that holds a layer.
    fn file(&self, layer: &Bytes) -> PathBuf {
        // On S3 their names say nothing.
        let is_it = |path: &PathBuf| fs::read(path).unwrap() == *layer;
        self.wharf.blob_files().into_iter().find(is_it).expect("the layer is in a file")
    }

    fn quarantine(&self) -> Vec<PathBuf> {
        self.wharf.quarantine_files()
    }

    /// Changes rows behind the server's back, and starts it again.
    async fn tamper(&mut self, statement: &'static Statement, values: impl Into<wharf_db::Params>) {
        let values = values.into();
        let replicas = self.wharf.replicas().await;
        let changed: Result<u64, wharf_db::Error> =
            tx!(replicas[0].db, |tx| tx.execute(statement, values.clone()).await);
        assert_eq!(changed.unwrap(), 1);
        close(replicas).await;
        self.restart().await;
    }

    async fn restart(&mut self) {
        self.wharf.restart().await;
        self.wharf.http = self.wharf.http.clone().expecting_faults();
        self.v2 = self.wharf.v2().await;
    }

    async fn head(&self, layer: &Bytes) -> u16 {
        self.v2.head(&format!("/v2/app/blobs/{}", digest(layer))).await.status
    }

    /// Whether a pull of the layer fails before its answer begins, and does not look as if it had never
    /// been there.
    async fn refuses(&self, layer: &Bytes) -> bool {
        let path = format!("/v2/app/blobs/{}", digest(layer));
        let range = [("range", "bytes=1-2")];
        let part = self.v2.send(http::Method::GET, &path, &range, whole("")).await;
        let refused = self.v2.get(&path).await;
        refused.status == 500 && part.status == 500 && refused.text().contains("Push them again")
    }

    /// From the damage that `flaw` is, through the repair, to a push that heals it.
    async fn found_and_healed(self, flaw: Flaw, damaged: &[Bytes], put_aside: usize) {
        let mut expected: Vec<String> = damaged.iter().map(|layer| digest(layer)).collect();
        expected.sort();
        assert_eq!(subjects(&self.check().await, flaw, false), expected);
        assert_eq!(self.quarantine(), [] as [PathBuf; 0], "a check without repair moves nothing");
        let is_repairable = flaw == Flaw::BlobCorrupt;
        assert_eq!(subjects(&self.repair().await, flaw, is_repairable), expected);
        assert_eq!(self.quarantine().len(), put_aside);
        for layer in damaged {
            assert_eq!(self.head(layer).await, 404, "so that it is pushed again");
            assert!(self.refuses(layer).await, "it is not served, and not told as absent");
        }
        let again = self.check().await;
        assert_eq!(subjects(&again, Flaw::BlobMissing, false), expected);
        self.v2.push_as("app", "v1", &self.image).await;
        self.v2.expect("app", "v1", &self.image).await;
        assert_eq!(self.check().await, []);
        assert_eq!(self.quarantine().len(), put_aside, "what was put aside stays");
    }
}

/// What was found, in order, when it is all of one kind.
fn subjects(findings: &[Finding], flaw: Flaw, repaired: bool) -> Vec<String> {
    let alike = |finding: &&Finding| finding.flaw == flaw && finding.repaired == repaired;
    assert!(findings.iter().all(|finding| alike(&finding)), "{findings:?}");
    let mut subjects: Vec<String> =
        findings.iter().map(|finding| finding.subject.clone()).collect();
    subjects.sort();
    subjects
}

/// Nothing is left of them: the database may be opened anew.
async fn close(replicas: [Replica; 2]) {
    for replica in replicas {
        replica.db.close().await;
    }
}

async fn where_all_is_well_nothing_is_found(wharf: Wharf) {
    let stored = stored(wharf).await;
    let index = Manifest::index(&[&stored.image.manifest]);
    stored.v2.push_manifest("app", "all", &index).await;
    let report = check_with(stored.wharf.registry(), Options::default()).await;
    assert_eq!(report.findings, []);
    let bytes: usize = stored.image.blobs().map(|blob| blob.len()).sum();
    assert_eq!((report.blobs, report.images, report.bytes), (4, 2, bytes as u64));
}

fn open(path: &Path) -> File {
    // As bit rot does: the file stays the same one, and is not for writing.
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

async fn a_flipped_bit_is_found_and_healed(wharf: Wharf) {
    let stored = stored(wharf).await;
    let layer = stored.image.layers[0].clone();
    let (file, mut byte) = (open(&stored.file(&layer)), [0]);
    let last = LARGE as u64 - 1;
    file.read_exact_at(&mut byte, last).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], last).unwrap();
    stored.found_and_healed(Flaw::BlobCorrupt, &[layer], 1).await;
}

async fn a_cut_tail_is_found_and_healed(wharf: Wharf) {
    let stored = stored(wharf).await;
    let layer = stored.image.layers[1].clone();
    open(&stored.file(&layer)).set_len(LARGE as u64 - 1).unwrap();
    stored.found_and_healed(Flaw::BlobCorrupt, &[layer], 1).await;
}

async fn swapped_objects_are_found_and_healed(wharf: Wharf) {
    let stored = stored(wharf).await;
    let layers = [stored.image.layers[0].clone(), stored.image.layers[1].clone()];
    let [one, other] = layers.each_ref().map(|layer| stored.file(layer));
    let aside = one.with_extension("aside");
    for (from, to) in [(&one, &aside), (&other, &one), (&aside, &other)] {
        fs::rename(from, to).unwrap();
    }
    stored.found_and_healed(Flaw::BlobCorrupt, &layers, 2).await;
}

async fn a_deleted_object_is_found_and_healed(wharf: Wharf) {
    let mut stored = stored(wharf).await;
    let layer = stored.image.layers[0].clone();
    fs::remove_file(stored.file(&layer)).unwrap();
    let missing = stored.check().await;
    assert_eq!(subjects(&missing, Flaw::BlobMissing, false), [digest(&layer)]);
    assert!(missing[0].detail.starts_with("held by app; no object s"), "{missing:?}");
    // What was open when it was deleted could be served on, rightly. A start forgets it.
    stored.restart().await;
    stored.found_and_healed(Flaw::BlobMissing, &[layer], 0).await;
}

/// Too large to be copied into the quarantine in one request, it stays under its name: nobody finds it
/// there, and no sweep takes it.
async fn a_large_object_is_put_aside_where_it_is(wharf: Wharf) {
    let stored = stored(wharf).await;
    let layer = stored.image.layers[0].clone();
    let damaged = stored.file(&layer);
    open(&damaged).set_len(300 << 20).unwrap();
    let told = vec![digest(&layer)];
    assert_eq!(subjects(&stored.repair().await, Flaw::BlobCorrupt, true), told);
    assert_eq!(stored.quarantine(), [] as [PathBuf; 0]);
    assert_eq!(stored.head(&layer).await, 404);
    assert!(stored.refuses(&layer).await);
    stored.v2.push_as("app", "v1", &stored.image).await;
    assert_eq!(stored.check().await, []);
    // Beyond the real time, by which files are dated.
    stored.wharf.clock.advance(Duration::from_secs(100 * 366 * 86_400));
    assert_eq!(stored.check().await, []);
    stored.wharf.registry().sweep().await.unwrap();
    assert_eq!(fs::metadata(&damaged).unwrap().len(), 300 << 20);
}

#[test]
fn a_large_object_stays_where_it_is() {
    wharf_testkit::run(Engine::Postgres, a_large_object_is_put_aside_where_it_is);
}

statement! {
    SET_CONTENT = "UPDATE blobs SET content = $2 WHERE digest = $1 AND content IS NOT NULL";
    SET_MANIFEST = "UPDATE images SET manifest = $2 WHERE digest = $1";
    DROP_REFERENCE = "DELETE FROM image_references WHERE child = $1";
    DROP_LINK = "DELETE FROM blob_links WHERE digest = $1";
    MISDIRECT = "UPDATE blob_links SET blob_id = (SELECT id FROM blobs WHERE digest = $2)
                 WHERE digest = $1";
    DROP_IMAGE = "DELETE FROM images WHERE digest = $1";
}

async fn damage_in_a_row_is_found_and_healed(wharf: Wharf) {
    let mut stored = stored(wharf).await;
    let layer = stored.image.layers[2].clone();
    let mut wrong = layer.to_vec();
    wrong[100] ^= 1;
    stored.tamper(&SET_CONTENT, (digest(&layer), wrong)).await;
    assert!(stored.refuses(&layer).await, "what is read from a row is compared at once");
    stored.found_and_healed(Flaw::BlobCorrupt, &[layer], 1).await;
}

async fn a_damaged_manifest_is_found_and_healed(wharf: Wharf) {
    let mut stored = stored(wharf).await;
    let mut wrong = stored.image.manifest.bytes.to_vec();
    wrong[1] ^= 1;
    stored.tamper(&SET_MANIFEST, (stored.image.digest(), wrong)).await;
    for reference in ["v1", &stored.image.digest()] {
        let path = format!("/v2/app/manifests/{reference}");
        stored.v2.get(&path).await.refuses_with(500, "UNKNOWN");
        assert_eq!(stored.v2.head(&path).await.status, 404, "so that it is pushed again");
    }
    let found = stored.repair().await;
    assert_eq!(subjects(&found, Flaw::ManifestCorrupt, false), [stored.image.digest()]);
    stored.v2.push_as("app", "v1", &stored.image).await;
    stored.v2.expect("app", "v1", &stored.image).await;
    assert_eq!(stored.check().await, []);
}

async fn a_name_that_was_not_entered_is_entered(wharf: Wharf) {
    let mut stored = stored(wharf).await;
    let layer = digest(&stored.image.layers[0]);
    stored.tamper(&DROP_REFERENCE, (layer.as_str(),)).await;
    let image = [stored.image.digest()];
    let found = stored.check().await;
    assert_eq!(subjects(&found, Flaw::ReferenceMissing, false), image);
    assert!(found[0].detail.contains(&layer), "{found:?}");
    assert_eq!(subjects(&stored.repair().await, Flaw::ReferenceMissing, true), image);
    assert_eq!(stored.check().await, []);
    // The row protects the layer again.
    let path = format!("/v2/app/blobs/{layer}");
    assert_eq!(stored.v2.delete(&path).await.status, 405);
}

async fn a_layer_that_is_not_held_is_linked_again(wharf: Wharf) {
    let mut stored = stored(wharf).await;
    let layer = digest(&stored.image.layers[0]);
    stored.tamper(&DROP_LINK, (layer.as_str(),)).await;
    let expected = std::slice::from_ref(&layer);
    assert_eq!(subjects(&stored.check().await, Flaw::LayerMissing, false), expected);
    assert_eq!(subjects(&stored.repair().await, Flaw::LayerMissing, true), expected);
    assert_eq!(stored.check().await, []);
    stored.v2.expect("app", "v1", &stored.image).await;
}

async fn a_link_to_another_blob_is_set_right(wharf: Wharf) {
    let mut stored = stored(wharf).await;
    let [layer, other] = [0, 1].map(|index: usize| digest(&stored.image.layers[index]));
    stored.tamper(&MISDIRECT, (layer.as_str(), other.as_str())).await;
    let expected = std::slice::from_ref(&layer);
    assert_eq!(subjects(&stored.check().await, Flaw::LinkBroken, false), expected);
    assert_eq!(subjects(&stored.repair().await, Flaw::LinkBroken, true), expected);
    assert_eq!(stored.check().await, []);
    stored.v2.expect("app", "v1", &stored.image).await;
}

async fn a_missing_child_is_found(wharf: Wharf) {
    let mut stored = stored(wharf).await;
    let child = Image::of("child");
    stored.v2.push("app", &child).await;
    stored.v2.push_manifest("app", "all", &Manifest::index(&[&child.manifest])).await;
    stored.tamper(&DROP_IMAGE, (child.digest(),)).await;
    let found = stored.repair().await;
    assert_eq!(subjects(&found, Flaw::ChildMissing, false), [child.digest()]);
    stored.v2.push("app", &child).await;
    assert_eq!(stored.check().await, []);
}

async fn strays_are_found_when_they_are_old(wharf: Wharf) {
    let stored = stored(wharf).await;
    let known = stored.file(&stored.image.layers[0]);
    let stray = known.with_extension("00000000-0000-4000-8000-000000000000");
    fs::copy(&known, &stray).unwrap();
    assert_eq!(stored.check().await, [], "a young one may be about to get its row");
    // Beyond the real time, by which files are dated.
    stored.wharf.clock.advance(Duration::from_secs(100 * 366 * 86_400));
    let found = stored.repair().await;
    let [stray_found] = &found[..] else { panic!("{found:?}") };
    assert_eq!(stray_found.flaw, Flaw::Stray);
    assert!(stray.ends_with(&stray_found.subject), "{found:?}");
    assert!(stray.exists(), "the sweep removes it, when nobody may be at it");
}

async fn a_check_of_one_repository_looks_at_that_one(wharf: Wharf) {
    let stored = stored(wharf).await;
    stored.wharf.repository("other").await;
    let image = Image::recipe().layer(noise(9, LARGE)).build();
    stored.v2.push("other", &image).await;
    open(&stored.file(&image.layers[0])).set_len(10).unwrap();
    let only = async |name: &str| {
        let id = wharf_registry::RegistryId {
            account: ACCOUNT.parse().unwrap(),
            region: REGION.parse().unwrap(),
        };
        let repository = Some((id, name.to_owned()));
        check_with(stored.wharf.registry(), Options { repository, ..Options::default() }).await
    };
    let (app, other) = (only("app").await, only("other").await);
    assert_eq!((app.findings, app.blobs, app.images), (vec![], 4, 1));
    let damaged = [digest(&image.layers[0])];
    assert_eq!(subjects(&other.findings, Flaw::BlobCorrupt, false), damaged);
    assert_eq!((other.blobs, other.images), (2, 1));
}

async fn the_scrub_puts_damage_aside_by_itself(wharf: Wharf) {
    let mut stored = stored(wharf).await;
    let layer = stored.image.layers[0].clone();
    let file = stored.file(&layer);
    open(&file).set_len(5).unwrap();
    let [one, other] = stored.wharf.replicas().await;
    // A run then looks at no more than a page.
    let scrub = |registry: &Registry| {
        let kind = Scrub::default().in_stretches_of(Duration::ZERO);
        Worker::new(registry.clone(), vec![std::sync::Arc::new(kind)])
    };
    let worker = scrub(&one.registry);
    worker.run(std::future::ready(()), |_| {}).await;
    assert!(worker.run_next().await.unwrap().is_none(), "a start is no time to read everything");
    stored.wharf.clock.advance(Duration::from_secs(25 * 86_400));
    let begun = stored.wharf.clock.now();
    let workers = [worker, scrub(&other.registry)];
    let mut runs = 0;
    // The replicas take turns, and each goes on where the other stopped.
    while let Some(ran) = workers[runs % 2].run_next().await.unwrap() {
        assert!(matches!(ran.outcome, Outcome::Done), "{:?}", ran.outcome);
        stored.wharf.clock.advance(Duration::from_secs(1));
        runs += 1;
    }
    assert_eq!(runs, 3, "the blobs, the images, and nothing more");
    let state = other.registry.scrubbed().await.unwrap();
    assert_eq!(state, Scrubbed { since: Some(begun), findings: 1 });
    assert!(!file.exists());
    // The next pass is for the other replica, and finds what nobody has pushed again.
    stored.wharf.clock.advance(Duration::from_secs(25 * 86_400));
    let mut again = 0;
    while workers[1].run_next().await.unwrap().is_some() {
        stored.wharf.clock.advance(Duration::from_secs(1));
        again += 1;
    }
    assert_eq!(again, runs);
    assert_eq!(one.registry.scrubbed().await.unwrap().findings, 1);
    drop(workers);
    close([one, other]).await;
    stored.restart().await;
    assert_eq!(stored.head(&layer).await, 404);
    stored.v2.push_as("app", "v1", &stored.image).await;
    stored.v2.expect("app", "v1", &stored.image).await;
    assert_eq!(stored.check().await, []);
}

/// On SQLite the check opens what the server has open, for reading.
async fn a_check_beside_the_server_changes_nothing(wharf: Wharf) {
    let stored = stored(wharf).await;
    let layer = stored.image.layers[0].clone();
    open(&stored.file(&layer)).set_len(7).unwrap();
    if stored.wharf.engine == Engine::Sqlite {
        let db = Db::sqlite_to_read(&stored.wharf.folder().join("wharf.db")).await.unwrap();
        assert!(!db.exclusive(), "others write here: nothing may be remembered");
        let refused: Result<u64, wharf_db::Error> =
            tx!(db, |tx| tx.execute(&DROP_IMAGE, ("sha256:none",)).await);
        assert!(matches!(refused, Err(wharf_db::Error::OnlyToRead)));
        db.close().await;
    }
    assert_eq!(subjects(&stored.check().await, Flaw::BlobCorrupt, false), [digest(&layer)]);
    assert_eq!(stored.quarantine(), [] as [PathBuf; 0]);
    let path = format!("/v2/app/blobs/{}", digest(&layer));
    // Where the file was open already, the answer breaks off.
    let got = stored.v2.try_send(http::Method::GET, &path, &[], whole("")).await;
    let is_refused = got.map_or(true, |answer| answer.status == 500);
    assert!(is_refused, "a layer that is too short never looks complete");
}
