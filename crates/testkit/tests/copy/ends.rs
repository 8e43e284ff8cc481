//! What a copy refuses, and what becomes of the installation key.

use std::fs;

use wharf_server::copy::Key;
use wharf_testkit::{Engine, Image, Wharf};

use super::{between, copied, empty, furnish, snapshot, try_copy};
use crate::copy::rows::rows;

between![
    a_target_that_is_in_use_is_refused,
    a_copy_that_was_served_takes_no_further_copy,
    a_copy_that_was_only_read_still_takes_one,
    a_copy_of_another_installation_is_refused,
    another_installation_key_is_refused,
    a_backup_goes_without_the_key_and_needs_it_again,
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
    super::expect_all(&to.v2().await, &images).await;
    to.stop().await;
}
