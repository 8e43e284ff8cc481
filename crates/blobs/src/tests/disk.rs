//! What only a store of files does: its folder, its modes, its open files.

use std::{
    fs::{self, OpenOptions},
    io::ErrorKind,
    os::unix::fs::{FileExt, PermissionsExt},
};

use super::*;

#[tokio::test]
async fn short_writes_are_gone_on_with() {
    let (_folder, store) = fresh();
    store.faults().shorten(Some(777));
    let bytes = content(200_000);
    let object = push(&store, &bytes).await;
    assert!(holds(&store, &object, &bytes).await);
    let placed = place(&store, &bytes).await.unwrap();
    assert!(holds(&store, &placed, &bytes).await);
}

#[tokio::test]
async fn an_object_is_read_only() {
    let (folder, store) = fresh();
    let path = folder.path().join("store/blobs").join(push(&store, &content(10)).await.as_str());
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o440);
}

#[tokio::test]
async fn a_name_is_never_given_twice() {
    let (_folder, store) = fresh();
    let bytes = content(100);
    let object = place(&store, &bytes).await.unwrap();
    let again = store.place(&object, content(99)).await.unwrap_err();
    assert!(matches!(again, Error::Io(_)), "{again}");
    assert!(holds(&store, &object, &bytes).await);
}

#[tokio::test]
async fn an_upload_that_is_not_there_cannot_be_promoted_or_gone_on_with() {
    let (_folder, store) = fresh();
    let bytes = content(1_000);
    let (session, progress) = begin(&store, &bytes).await;
    let elsewhere = promote(&store, Uuid::new_v4(), &progress).await.unwrap_err();
    assert!(matches!(elsewhere, Error::Missing), "{elsewhere}");
    promote(&store, session, &progress).await.unwrap();
    let on = append(&store, session, progress, &bytes).await.err().unwrap();
    assert!(matches!(on, Error::Missing), "{on}");
}

/// As after a kill between the object and its row.
#[tokio::test]
async fn a_promotion_can_be_done_again_unless_the_bytes_have_changed() {
    let (folder, store) = fresh();
    let bytes = content(700_000);
    let (session, progress) = begin(&store, &bytes).await;
    let object = promote(&store, session, &progress).await.unwrap();
    let store = reopened(&folder);
    assert_eq!(promote(&store, session, &progress).await.unwrap(), object);
    assert!(holds(&store, &object, &bytes).await);
    let path = folder.path().join("store/blobs").join(object.as_str());
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(b"x", 3).unwrap();
    let changed = promote(&store, session, &progress).await.unwrap_err();
    assert!(matches!(changed, Error::Missing), "{changed}");
    file.set_len(3).unwrap();
    let cut = promote(&store, session, &progress).await.unwrap_err();
    assert!(matches!(cut, Error::WrongSize { expected: 700_000, held: 3 }), "{cut}");
}

#[tokio::test]
async fn what_nobody_acknowledged_is_cut_off() {
    let (_folder, store) = fresh();
    let bytes = content(700_000);
    let (session, _) = begin(&store, &bytes).await;
    let mut progress = Progress::new(SHA256);
    progress.hasher.update(&bytes[..300_000]);
    progress.received = 300_000;
    let progress = append(&store, session, progress, &Bytes::new()).await.unwrap();
    assert_eq!((progress.received, uploads(&store).await[0].size), (300_000, 300_000));
    let tail = bytes.slice(300_000..400_000);
    let progress = append(&store, session, progress, &tail).await.unwrap();
    let object = promote(&store, session, &progress).await.unwrap();
    assert!(holds(&store, &object, &bytes[..400_000]).await);
}

#[tokio::test]
async fn strangers_are_not_listed() {
    let (folder, store) = fresh();
    let root = folder.path().join("store");
    fs::write(root.join("uploads/notes.txt"), "x").unwrap();
    fs::write(root.join("blobs/sha256/00/notes.txt"), "x").unwrap();
    fs::create_dir(root.join("uploads").join(Uuid::now_v7().to_string())).unwrap();
    // An object in a folder that is not its own cannot be opened by its name.
    let misplaced = Object::of_digest(&digest(b"x"), Uuid::now_v7()).to_string();
    let name = misplaced.rsplit('/').next().unwrap();
    fs::write(root.join("blobs/sha256/00").join(name), "x").unwrap();
    assert!(uploads(&store).await.is_empty());
    assert!(objects(&store).await.is_empty());
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
    reopened(&folder);
    // A kill when the first blob with a sha512 digest came.
    fs::create_dir(folder.path().join("store/blobs/sha512")).unwrap();
    reopened(&folder);
    for last in ["sha256/ff", "sha512/ff"] {
        assert!(folder.path().join("store/blobs").join(last).is_dir());
    }
    assert!(objects(&reopened(&folder)).await.is_empty());
}

#[tokio::test]
async fn the_folders_of_sha512_come_with_its_first_object() {
    let (folder, store) = fresh();
    let rare = folder.path().join("store/blobs/sha512");
    assert!(!rare.exists());
    let bytes = content(20_000);
    let digest = Digest::of(Algorithm::Sha512, &bytes);
    let placed = store.name(Uuid::new_v4(), &Parts::default(), &digest);
    assert!(matches!(store.open(&placed, 20_000).await, Err(Error::Missing)));
    assert!(objects(&store).await.is_empty());
    store.place(&placed, bytes.clone()).await.unwrap();
    let (session, new) = (Uuid::new_v4(), Progress::new(Algorithm::Sha512));
    let progress = append(&store, session, new, &bytes).await.unwrap();
    let promoted = promote(&store, session, &progress).await.unwrap();
    for object in [&placed, &promoted] {
        assert!(holds(&store, object, &bytes).await);
    }
    assert_eq!(fs::read_dir(rare).unwrap().count(), 256);
    assert_eq!(objects(&reopened(&folder)).await.len(), 2);
}

#[test]
fn a_store_cannot_lie_in_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(Store::files(file.path(), Options::default()), Err(Error::Io(_))));
}

#[tokio::test]
async fn small_content_comes_whole() {
    let (_folder, store) = fresh();
    for (length, small) in [(0, true), (1, true), (65_536, true), (65_537, false)] {
        let bytes = content(length);
        let content = store.open(&push(&store, &bytes).await, 0).await.unwrap();
        assert_eq!(content.size, length as u64);
        // Just written, so in the page cache, where the file system can tell.
        assert_eq!(content.small().unwrap(), small.then_some(bytes));
    }
}

#[tokio::test]
async fn the_file_is_there_for_senders() {
    let (_folder, store) = fresh();
    let content = store.open(&push(&store, &content(100)).await, 0).await.unwrap();
    let mut read = [0; 10];
    content.file().unwrap().read_exact_at(&mut read, 20).unwrap();
    assert_eq!(read[..], super::content(100)[20..30]);
}

#[tokio::test]
async fn a_file_cut_short_is_an_error_not_an_end() {
    let (folder, store) = fresh();
    for length in [60_000, 700_000] {
        let object = push(&store, &content(length)).await;
        let content = store.open(&object, 0).await.unwrap();
        let path = folder.path().join("store/blobs").join(object.as_str());
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        #[allow(clippy::permissions_set_readonly_false)]
        permissions.set_readonly(false);
        fs::set_permissions(&path, permissions).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length as u64 - 1).unwrap();
        assert_eq!(
            read(&content, 0..content.size).await.unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
        if length == 60_000 {
            assert_eq!(content.small().unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }
}

#[tokio::test]
async fn a_deleted_object_is_gone_for_new_readers_only() {
    let (_folder, store) = fresh();
    let bytes = content(1_000);
    let object = push(&store, &bytes).await;
    let reader = store.open(&object, 0).await.unwrap();
    store.delete(&object).await.unwrap();
    assert!(matches!(store.open(&object, 0).await, Err(Error::Missing)));
    assert_eq!(read(&reader, 0..1_000).await.unwrap(), bytes);
}

#[tokio::test]
async fn hot_objects_stay_open_and_few_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::files(folder.path(), Options { open_files: 8.try_into().unwrap() }).unwrap();
    let object = push(&store, &content(10)).await;
    let one = store.open(&object, 0).await.unwrap().file().unwrap();
    let two = store.open(&object, 0).await.unwrap().file().unwrap();
    assert!(std::sync::Arc::ptr_eq(&one, &two));
    for byte in 0..200_u8 {
        let bytes = Bytes::from(vec![byte]);
        let object = place(&store, &bytes).await.unwrap();
        store.open(&object, 0).await.unwrap();
    }
    let inside = folder.path().canonicalize().unwrap().join("blobs/sha256");
    let open = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let open = open.filter(|path| path.starts_with(&inside)).count();
    // Eight that the store remembers, and the first one, which is held here.
    assert_eq!(open, 9);
}

#[tokio::test]
async fn chunks_are_bounded_and_held_chunks_stay_as_they_are() {
    let (_folder, store) = fresh();
    let bytes = content(3 << 20);
    let content = store.open(&push(&store, &bytes).await, 0).await.unwrap();
    // Held to the end, so memory that serves again too early would show.
    let chunks: Vec<Bytes> = content.read(0..content.size).try_collect().await.unwrap();
    assert!(chunks.iter().all(|chunk| (1..=256 * 1024).contains(&chunk.len())));
    assert!(chunks.concat() == bytes);
    // And dropped one by one, so that it does serve again.
    let mut stream = Box::pin(content.read(5..content.size));
    let mut at = 5;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.unwrap();
        assert!(bytes[at..at + chunk.len()] == chunk);
        at += chunk.len();
    }
    assert_eq!(at, bytes.len());
}
