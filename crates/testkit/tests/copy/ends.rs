//! What a copy refuses, and what becomes of the installation key.

use std::fs;

use wharf_server::copy::{self, Key};
use wharf_testkit::{Engine, Image, Wharf};

use super::{Unwatched, between, copied, empty, expect_all, furnish, snapshot, try_copy};
use crate::copy::rows::rows;
use crate::installation::{mark, name};

between![
    a_target_that_is_in_use_is_refused,
    a_copy_that_was_served_takes_no_further_copy,
    a_copy_that_was_only_read_still_takes_one,
    a_copy_of_another_installation_is_refused,
    another_installation_key_is_refused,
    a_backup_goes_without_the_key_and_needs_it_again,
    a_copy_is_an_installation_of_its_own,
    the_blobs_of_another_installation_take_no_copy,
];

async fn refused(from: &Wharf, to: &Wharf, key: Key) -> String {
    format!("{:#}", try_copy(from, to, key).await.err().unwrap())
}

async fn a_target_that_is_in_use_is_refused(from: Wharf, mut to: Wharf) {
    furnish(&from).await;
    to.restart().await;
    to.stop().await;
    let before = rows(&mut snapshot(&to).await).await;
    fs::copy(from.folder().join("installation.key"), to.folder().join("installation.key")).unwrap();
    let told = refused(&from, &to, Key::Bring).await;
    assert!(told.contains("in use: its table accounts has rows"), "{told}");
    assert_eq!(rows(&mut snapshot(&to).await).await, before);
    let told = refused(&from, &from, Key::Bring).await;
    assert!(told.contains("the same database"), "{told}");
}

async fn a_copy_that_was_served_takes_no_further_copy(from: Wharf, mut to: Wharf) {
    furnish(&from).await;
    copied(&from, &to).await;
    to.restart().await;
    let image = Image::of("after the switch");
    to.v2().await.push("app", &image).await;
    to.stop().await;
    let told = refused(&from, &to, Key::Bring).await;
    assert!(told.contains("has been served since"), "{told}");
    to.restart().await;
    to.v2().await.expect("app", &image.digest(), &image).await;
    to.stop().await;
}

async fn a_copy_that_was_only_read_still_takes_one(from: Wharf, mut to: Wharf) {
    furnish(&from).await;
    copied(&from, &to).await;
    to.restart_with(&[("read_only", "on")]).await;
    assert_eq!(to.v2().await.manifest("app", "v1").await.status, 200);
    to.stop().await;
    let image = Image::of("later");
    from.v2().await.push("app", &image).await;
    copied(&from, &to).await;
    assert_eq!(rows(&mut snapshot(&to).await).await, rows(&mut snapshot(&from).await).await);
}

async fn a_copy_of_another_installation_is_refused(from: Wharf, to: Wharf) {
    furnish(&from).await;
    copied(&from, &to).await;
    let other =
        Wharf::boot(Engine::Sqlite, std::sync::Arc::new(tempfile::tempdir().unwrap())).await;
    let told = refused(&other, &to, Key::Leave).await;
    assert!(told.contains("a copy of another installation"), "{told}");
}

async fn another_installation_key_is_refused(from: Wharf, mut to: Wharf) {
    to.restart().await;
    to.stop().await;
    let told = refused(&from, &to, Key::Bring).await;
    assert!(told.contains("is another one than the source's"), "{told}");
}

async fn a_backup_goes_without_the_key_and_needs_it_again(from: Wharf, mut to: Wharf) {
    let images = furnish(&from).await;
    let backup = empty(Engine::Sqlite);
    try_copy(&from, &backup, Key::Leave).await.unwrap();
    assert!(!backup.folder().join("installation.key").exists());
    let told = refused(&backup, &to, Key::Bring).await;
    assert!(told.contains("put the key that you keep apart"), "{told}");
    fs::copy(from.folder().join("installation.key"), to.folder().join("installation.key")).unwrap();
    try_copy(&backup, &to, Key::Bring).await.unwrap();
    to.restart().await;
    expect_all(&to.v2().await, &images).await;
    to.stop().await;
}

async fn a_copy_is_an_installation_of_its_own(mut from: Wharf, to: Wharf) {
    furnish(&from).await;
    copied(&from, &to).await;
    from.stop().await;
    let (own, other) = (name(&from).await.unwrap().0, name(&to).await.unwrap().0);
    assert_ne!(own, other);
    assert_eq!(fs::read_to_string(mark(&to)).unwrap().trim(), other);
    // The next run, and the one after a start that was broken off, change nothing of that.
    fs::remove_file(mark(&to)).unwrap();
    let told = refused(&from, &to, Key::Bring).await;
    assert!(told.contains(&format!("the blobs of installation {other} are not here")), "{told}");
    fs::write(mark(&to), &other).unwrap();
    copied(&from, &to).await;
    assert_eq!(name(&to).await.unwrap().0, other);
}

async fn the_blobs_of_another_installation_take_no_copy(from: Wharf, to: Wharf) {
    furnish(&from).await;
    fs::create_dir_all(to.folder()).unwrap();
    fs::create_dir_all(mark(&to).parent().unwrap()).unwrap();
    fs::write(mark(&to), "another\n").unwrap();
    let told = refused(&from, &to, Key::Bring).await;
    assert!(told.contains("the blobs are of installation another"), "{told}");
    assert_eq!(to.stored_files(), Vec::<std::path::PathBuf>::new());
}

/// The database is lost, the bucket is not: the backup is restored beside it.
#[test]
fn a_backup_is_restored_beside_the_blobs_it_was_made_of() {
    wharf_testkit::run(Engine::Postgres, async |mut wharf: Wharf| {
        let images = furnish(&wharf).await;
        let backup = empty(Engine::Sqlite);
        try_copy(&wharf, &backup, Key::Leave).await.unwrap();
        wharf.stop().await;
        let database = wharf_testkit::postgres::new_database();
        let anew = [("database_url", database.as_str())];
        copy::copy(&backup.config(&[]), &wharf.config(&anew), Key::Bring, 3, &Unwatched)
            .await
            .unwrap();
        wharf.restart_with(&anew).await;
        expect_all(&wharf.v2().await, &images).await;
        wharf.stop().await;
        // Not so the backup of another one.
        let other = Wharf::boot(Engine::Sqlite, std::sync::Arc::new(tempfile::tempdir().unwrap()));
        let (other, database) = (other.await, wharf_testkit::postgres::new_database());
        let key = "installation.key";
        fs::copy(other.folder().join(key), wharf.folder().join(key)).unwrap();
        let config = wharf.config(&[("database_url", &database)]);
        let copied = copy::copy(&other.config(&[]), &config, Key::Bring, 3, &Unwatched).await;
        let told = format!("{:#}", copied.err().unwrap());
        assert!(told.contains("the database is of none"), "{told}");
    });
}
