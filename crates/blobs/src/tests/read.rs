//! Opening and reading.

use std::{
    fs::{self, OpenOptions},
    io::ErrorKind,
    os::unix::fs::FileExt,
};

use proptest::prelude::*;

use super::*;

#[test]
fn a_range_is_the_slice() {
    let (_folder, store) = fresh();
    let bytes = content(700_000);
    let content = block_on(async { store.open(&push(&store, &bytes).await).await.unwrap() });
    proptest!(|(a in 0usize..=700_000, b in 0usize..=700_000)| {
        let (start, end) = (a.min(b), a.max(b));
        let read = block_on(read(&content, start as u64..end as u64)).unwrap();
        prop_assert!(read == bytes[start..end]);
    });
}

#[tokio::test]
async fn chunks_are_bounded_and_held_chunks_stay_as_they_are() {
    let (_folder, store) = fresh();
    let bytes = content(3 << 20);
    let content = store.open(&push(&store, &bytes).await).await.unwrap();
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

#[tokio::test]
async fn small_content_comes_whole() {
    let (_folder, store) = fresh();
    for (length, small) in [(0, true), (1, true), (65_536, true), (65_537, false)] {
        let bytes = content(length);
        let content = store.open(&push(&store, &bytes).await).await.unwrap();
        assert_eq!(content.size, length as u64);
        // Just written, so in the page cache, where the file system can tell.
        assert_eq!(content.small().unwrap(), small.then_some(bytes));
    }
}

#[tokio::test]
async fn the_file_is_there_for_senders() {
    let (_folder, store) = fresh();
    let content = store.open(&push(&store, &content(100)).await).await.unwrap();
    let mut read = [0; 10];
    content.file().unwrap().read_exact_at(&mut read, 20).unwrap();
    assert_eq!(read[..], super::content(100)[20..30]);
}

#[tokio::test]
#[allow(clippy::reversed_empty_ranges)]
async fn a_range_beyond_the_object_is_an_error() {
    let (_folder, store) = fresh();
    let content = store.open(&push(&store, &content(100)).await).await.unwrap();
    for range in [0..101, 100..101, 101..101, u64::MAX - 1..u64::MAX, 7..3] {
        assert_eq!(read(&content, range).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert!(read(&content, 100..100).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_cut_short_is_an_error_not_an_end() {
    let (folder, store) = fresh();
    for length in [60_000, 700_000] {
        let object = push(&store, &content(length)).await;
        let content = store.open(&object).await.unwrap();
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
async fn opening_what_is_not_there_says_so() {
    let (_folder, store) = fresh();
    let object = Object::new(&digest(b"x"), Uuid::now_v7());
    for _ in 0..2 {
        assert!(matches!(store.open(&object).await, Err(Error::Missing)));
    }
}

#[tokio::test]
async fn a_deleted_object_is_gone_for_new_readers_only() {
    let (_folder, store) = fresh();
    let bytes = content(1_000);
    let object = push(&store, &bytes).await;
    let reader = store.open(&object).await.unwrap();
    store.delete(&object).await.unwrap();
    assert!(matches!(store.open(&object).await, Err(Error::Missing)));
    assert_eq!(read(&reader, 0..1_000).await.unwrap(), bytes);
}

#[tokio::test]
async fn hot_objects_stay_open_and_few_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::files(folder.path(), Options { open_files: 8.try_into().unwrap() }).unwrap();
    let object = push(&store, &content(10)).await;
    let one = store.open(&object).await.unwrap().file().unwrap();
    let two = store.open(&object).await.unwrap().file().unwrap();
    assert!(std::sync::Arc::ptr_eq(&one, &two));
    for byte in 0..200_u8 {
        let bytes = Bytes::from(vec![byte]);
        let object = store.place(Uuid::now_v7(), &digest(&bytes), bytes).await.unwrap();
        store.open(&object).await.unwrap();
    }
    let inside = folder.path().canonicalize().unwrap().join("blobs/sha256");
    let open = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let open = open.filter(|path| path.starts_with(&inside)).count();
    // Eight that the store remembers, and the first one, which is held here.
    assert_eq!(open, 9);
}
