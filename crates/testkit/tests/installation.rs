//! Database and blobs of different installations are never used together, whatever the
//! configuration says; those of one always are, however its start was broken off.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use wharf_db::{Db, statement, tx};
use wharf_server::copy;
use wharf_server::shutdown;
use wharf_server::start::{start, system_clock};
use wharf_testkit::{Engine, Image, Wharf, eventually, on_both};

on_both![
    the_first_start_names_both,
    another_database_is_refused_before_anything_is_written,
    a_new_database_is_refused_where_another_has_its_blobs,
    a_start_that_broke_off_is_completed,
    what_is_older_gets_a_name_in_silence,
    blobs_that_are_not_there_are_not_begun_anew,
    a_database_that_was_put_back_without_a_name_takes_that_of_the_blobs,
    whoever_only_reads_names_nothing,
];

statement! {
    NAME = "SELECT name, marked_at FROM installation WHERE id = 1";
    FORGET = "DELETE FROM installation WHERE id <> 0";
    NOT_MARKED = "UPDATE installation SET marked_at = NULL WHERE id <> 0";
    ROWS = "SELECT (SELECT count(*) FROM accounts) + (SELECT count(*) FROM access_keys)
                + (SELECT count(*) FROM origin) + (SELECT count(*) FROM installation)";
}

/// The database of a server that is stopped.
pub(crate) async fn database(wharf: &Wharf) -> Db {
    let config = wharf.config(&[]);
    match &config.database_url {
        Some(url) => Db::postgres(&url.0).await.unwrap(),
        None => Db::sqlite(&config.data.join("wharf.db")).await.unwrap(),
    }
}

async fn change(wharf: &Wharf, statement: &'static wharf_db::Statement) {
    let db = database(wharf).await;
    tx!(db, |tx| {
        tx.execute(statement, ()).await?;
        Ok::<_, wharf_db::Error>(())
    })
    .unwrap();
    db.close().await;
}

/// The name of the installation in the database, and whether the store was marked with it.
pub(crate) async fn name(wharf: &Wharf) -> Option<(String, bool)> {
    let db = database(wharf).await;
    let found = db.optional::<(String, Option<i64>)>(&NAME, ()).await.unwrap();
    db.close().await;
    found.map(|(name, marked)| (name, marked.is_some()))
}

/// Where the mark of the store is.
pub(crate) fn mark(wharf: &Wharf) -> PathBuf {
    match wharf.s3() {
        Some(s3) => s3.path("registry/installation"),
        None => wharf.folder().join("installation"),
    }
}

fn marked(wharf: &Wharf) -> Option<String> {
    Some(std::fs::read_to_string(mark(wharf)).ok()?.trim().to_owned())
}

async fn refused(wharf: &mut Wharf, settings: &[(&'static str, &str)]) -> String {
    format!("{:#}", wharf.try_start(settings).await.expect_err("the start is refused"))
}

async fn the_first_start_names_both(mut wharf: Wharf) {
    wharf.stop().await;
    let (name, confirmed) = self::name(&wharf).await.unwrap();
    assert!(confirmed);
    assert_eq!(marked(&wharf).as_deref(), Some(name.as_str()));
    wharf.restart().await;
    wharf.stop().await;
    assert_eq!(self::name(&wharf).await.unwrap().0, name);
}

/// Has the stopped server use the database of the other: by its URL, or by the files in its folder.
async fn exchange(wharf: &Wharf, other: &Wharf) -> Vec<(&'static str, String)> {
    if let Some(url) = &other.config(&[]).database_url {
        return vec![("database_url", url.0.clone())];
    }
    // Whoever closes a database removes its log, by its name.
    let log = wharf.folder().join("wharf.db-wal");
    eventually("the database is closed", async || (!log.exists()).then_some(())).await;
    for file in ["wharf.db", "wharf.db-wal", "wharf.db-shm"] {
        let _ = std::fs::remove_file(wharf.folder().join(file));
        if other.folder().join(file).exists() {
            std::fs::copy(other.folder().join(file), wharf.folder().join(file)).unwrap();
        }
    }
    Vec::new()
}

async fn another_database_is_refused_before_anything_is_written(mut wharf: Wharf) {
    wharf.repository("app").await;
    let image = Image::recipe().layer(wharf_testkit::image::noise(1, 100_000)).build();
    wharf.v2().await.push_as("app", "v1", &image).await;
    wharf.stop().await;
    let mut other = Wharf::unbooted(wharf.engine, Arc::new(tempfile::tempdir().unwrap()));
    // Of the same key: that the names differ is enough.
    std::fs::create_dir(other.folder()).unwrap();
    let key = "installation.key";
    std::fs::copy(wharf.folder().join(key), other.folder().join(key)).unwrap();
    other.restart().await;
    other.stop().await;
    let (own, foreign) = (name(&other).await.unwrap().0, name(&wharf).await.unwrap().0);

    let files = wharf.stored_files();
    let settings = exchange(&wharf, &other).await;
    let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    for read_only in ["off", "on"] {
        let settings = [settings.as_slice(), &[("read_only", read_only)]].concat();
        let told = refused(&mut wharf, &settings).await;
        assert!(told.contains(&format!("the database is of installation {own}")), "{told}");
        assert!(told.contains(&format!("the blobs are of installation {foreign}")), "{told}");
        assert!(told.contains("cannot be used together"), "{told}");
    }
    let config = wharf.config(&settings);
    let told = format!("{:#}", copy::restored(&config).await.err().unwrap());
    assert!(told.contains(&own) && told.contains(&foreign), "{told}");
    assert_eq!(wharf.stored_files(), files);
    assert_eq!(marked(&wharf), Some(foreign));
    other.restart().await;
    other.stop().await;
}

async fn a_new_database_is_refused_where_another_has_its_blobs(mut wharf: Wharf) {
    wharf.stop().await;
    let (name, _) = name(&wharf).await.unwrap();
    let empty = Wharf::unbooted(wharf.engine, Arc::new(tempfile::tempdir().unwrap()));
    let settings = exchange(&wharf, &empty).await;
    let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let told = refused(&mut wharf, &settings).await;
    assert!(told.contains(&format!("the blobs are of installation {name}")), "{told}");
    assert!(told.contains("the database is of none"), "{told}");
    let there = if settings.is_empty() { &wharf } else { &empty };
    let db = database(there).await;
    assert_eq!(db.optional::<(i64,)>(&ROWS, ()).await.unwrap(), Some((0,)), "rows were written");
    db.close().await;
    drop(db);
    let told = format!("{:#}", copy::restored(&wharf.config(&settings)).await.err().unwrap());
    assert!(told.contains("the database is empty"), "{told}");
}

async fn a_start_that_broke_off_is_completed(mut wharf: Wharf) {
    wharf.stop().await;
    let (named, _) = name(&wharf).await.unwrap();
    // The database was named and no more; then the store was marked, too.
    for marks in [false, true] {
        change(&wharf, &NOT_MARKED).await;
        if !marks {
            std::fs::remove_file(mark(&wharf)).unwrap();
        }
        wharf.restart().await;
        wharf.stop().await;
        assert_eq!(name(&wharf).await, Some((named.clone(), true)));
        assert_eq!(marked(&wharf), Some(named.clone()));
    }
}

async fn what_is_older_gets_a_name_in_silence(mut wharf: Wharf) {
    wharf.repository("app").await;
    let image = Image::recipe().layer(wharf_testkit::image::noise(1, 100_000)).build();
    wharf.v2().await.push_as("app", "v1", &image).await;
    wharf.stop().await;
    change(&wharf, &FORGET).await;
    std::fs::remove_file(mark(&wharf)).unwrap();
    wharf.restart().await;
    wharf.v2().await.expect("app", "v1", &image).await;
    wharf.stop().await;
    assert_eq!(marked(&wharf), name(&wharf).await.map(|(name, _)| name));
}

async fn blobs_that_are_not_there_are_not_begun_anew(mut wharf: Wharf) {
    wharf.stop().await;
    let (name, _) = name(&wharf).await.unwrap();
    std::fs::remove_file(mark(&wharf)).unwrap();
    for read_only in ["off", "on"] {
        let told = refused(&mut wharf, &[("read_only", read_only)]).await;
        assert!(told.contains(&format!("the blobs of installation {name} are not here")), "{told}");
        assert!(told.contains("Is the disk mounted"), "{told}");
        assert_eq!(marked(&wharf), None);
    }
    copy::restored(&wharf.config(&[])).await.unwrap();
    assert_eq!(marked(&wharf), Some(name));
    wharf.restart().await;
    wharf.stop().await;
}

async fn a_database_that_was_put_back_without_a_name_takes_that_of_the_blobs(mut wharf: Wharf) {
    wharf.stop().await;
    let before = name(&wharf).await;
    change(&wharf, &FORGET).await;
    let told = refused(&mut wharf, &[]).await;
    assert!(told.contains("wharf restore --in-place"), "{told}");
    copy::restored(&wharf.config(&[])).await.unwrap();
    assert_eq!(name(&wharf).await, before);
    wharf.restart().await;
    wharf.stop().await;
}

async fn whoever_only_reads_names_nothing(mut wharf: Wharf) {
    wharf.stop().await;
    change(&wharf, &FORGET).await;
    std::fs::remove_file(mark(&wharf)).unwrap();
    wharf.restart_with(&[("read_only", "on")]).await;
    wharf.stop().await;
    assert_eq!((name(&wharf).await, marked(&wharf)), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_together_agree_on_a_name() {
    let wharf = Wharf::unbooted(Engine::Postgres, Arc::new(tempfile::tempdir().unwrap()));
    let key = wharf.data().path().join("installation.key");
    std::fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let key = key.display().to_string();
    let starts = (0..4).map(|number| {
        let data = wharf.data().path().join(format!("replica {number}")).display().to_string();
        let config = wharf.config(&[("data", &data), ("secret_key_file", &key)]);
        tokio::spawn(async move {
            let (stopper, stop) = shutdown::stop();
            let running = start(&config, system_clock(), stop).await?;
            stopper.advance();
            running.done.await?
        })
    });
    for started in join_all(starts).await {
        started.unwrap().unwrap();
    }
    assert_eq!(marked(&wharf), name(&wharf).await.map(|(name, _)| name));
}
