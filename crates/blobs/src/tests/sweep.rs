//! Listing, removing, and the folder itself.

use std::{fs, time::SystemTime};

use super::*;

#[tokio::test]
async fn listings_show_what_is_there() {
    let (_folder, store) = fresh();
    let begun = SystemTime::now() - std::time::Duration::from_secs(5);
    let mut expected = Vec::new();
    for length in 1..40 {
        expected.push((push(&store, &content(length)).await, length as u64));
    }
    let sha512 = Digest::of(Algorithm::Sha512, b"x");
    expected
        .push((store.place(Uuid::now_v7(), &sha512, Bytes::from_static(b"x")).await.unwrap(), 1));
    expected.sort();
    let (upload, _) = begin(&store, &content(77)).await;

    let mut found: Vec<_> =
        objects(&store).await.into_iter().map(|listed| (listed.name, listed.size)).collect();
    found.sort();
    assert_eq!(found, expected);
    let found = uploads(&store).await;
    assert_eq!((found.len(), found[0].name, found[0].size), (1, upload, 77));
    assert!(found[0].modified > begun);
}

#[tokio::test]
async fn strangers_are_not_listed() {
    let (folder, store) = fresh();
    let root = folder.path().join("store");
    fs::write(root.join("uploads/notes.txt"), "x").unwrap();
    fs::write(root.join("blobs/sha256/00/notes.txt"), "x").unwrap();
    fs::create_dir(root.join("uploads").join(Uuid::now_v7().to_string())).unwrap();
    // An object in a folder that is not its own cannot be opened by its name.
    let misplaced = Object::new(&digest(b"x"), Uuid::now_v7()).to_string();
    let name = misplaced.rsplit('/').next().unwrap();
    fs::write(root.join("blobs/sha256/00").join(name), "x").unwrap();
    assert!(uploads(&store).await.is_empty());
    assert!(objects(&store).await.is_empty());
}

#[tokio::test]
async fn removing_twice_is_removing_once() {
    let (_folder, store) = fresh();
    let object = push(&store, &content(10)).await;
    let other = push(&store, &content(10)).await;
    let (upload, _) = begin(&store, &content(10)).await;
    for _ in 0..2 {
        store.delete(&object).await.unwrap();
        store.discard(upload).await.unwrap();
    }
    assert!(uploads(&store).await.is_empty());
    let left: Vec<_> = objects(&store).await.into_iter().map(|listed| listed.name).collect();
    assert_eq!(left, [other]);
}

#[test]
fn there_is_room() {
    let (_folder, store) = fresh();
    let space = store.free().unwrap();
    assert!(0 < space.free && space.free <= space.total);
}

#[test]
fn a_folder_of_another_version_is_refused_and_left_alone() {
    let (folder, store) = fresh();
    drop(store);
    let layout = folder.path().join("store/layout");
    assert_eq!(fs::read_to_string(&layout).unwrap(), "wharf blobs 1\n");
    for found in ["wharf blobs 2", "", "wharf blobs 1 and more"] {
        fs::write(&layout, format!("{found}\n")).unwrap();
        let error = Store::files(&folder.path().join("store"), Options::default()).err().unwrap();
        assert!(matches!(&error, Error::Layout { found: said, .. } if said == found), "{error}");
    }
}

#[tokio::test]
async fn a_folder_left_half_made_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("store/blobs/sha256/00")).unwrap();
    fs::write(folder.path().join("store/layout.new"), "wharf").unwrap();
    let store = reopened(&folder);
    fs::remove_dir(folder.path().join("store/blobs/sha512/ff")).unwrap();
    drop(store);
    reopened(&folder);
    for last in ["sha256/ff", "sha512/ff"] {
        assert!(folder.path().join("store/blobs").join(last).is_dir());
    }
    assert!(objects(&reopened(&folder)).await.is_empty());
}

#[test]
fn a_store_cannot_lie_in_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(Store::files(file.path(), Options::default()), Err(Error::Io(_))));
}
