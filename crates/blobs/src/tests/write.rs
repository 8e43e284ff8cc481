//! Appending, promoting, placing: what is written is what is read, and what is refused changes nothing.

use std::{fs, os::unix::fs::PermissionsExt};

use futures_util::FutureExt;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{AppendError, SMALL_BLOB};

#[test]
fn any_chunking_and_any_resumption_stores_the_same_bytes() {
    let (folder, _) = fresh();
    let source = content(3 << 20);
    proptest!(ProptestConfig::with_cases(24), |(
        appends in vec((0usize..900_000, 1usize..200_000), 0..4),
        algorithm in prop_oneof![Just(Algorithm::Sha256), Just(Algorithm::Sha512)],
    )| {
        block_on(async {
            let (id, mut hasher, mut at) = (Uuid::now_v7(), Hasher::new(algorithm), 0);
            for (length, frame) in appends {
                // A new store each time, and the hash state through its saved form: as after a restart.
                let store = reopened(&folder);
                let part = source.slice(at..at + length);
                let appended = store.append(id, at as u64, hasher, frames(&part, frame), u64::MAX).await.unwrap();
                at += length;
                assert_eq!(appended.received, at as u64);
                hasher = Hasher::restore(&appended.hasher.save()).unwrap();
            }
            let (store, expected) = (reopened(&folder), source.slice(..at));
            let digest = hasher.finish();
            assert_eq!(digest, Digest::of(algorithm, &expected));
            let object = promote(&store, id, &digest, at as u64).await.unwrap();
            assert_eq!(object, Object::new(&digest, id));
            assert!(whole(&store, &object).await == expected);
            assert!(uploads(&store).await.is_empty());
        });
    });
}

#[tokio::test]
async fn many_tiny_and_empty_frames_arrive_whole() {
    let (_folder, store) = fresh();
    let bytes = content(5_000);
    let tiny = frames(&bytes, 1).flat_map(|frame| stream::iter([Ok(Bytes::new()), frame]));
    let id = Uuid::now_v7();
    let appended = store.append(id, 0, Hasher::new(SHA256), tiny, 5_000).await.unwrap();
    let object = promote(&store, id, &appended.hasher.finish(), 5_000).await.unwrap();
    assert_eq!(whole(&store, &object).await, bytes);
}

#[tokio::test]
async fn short_writes_are_gone_on_with() {
    let (_folder, store) = fresh();
    store.faults().shorten(Some(777));
    let bytes = content(200_000);
    let object = push(&store, &bytes).await;
    assert_eq!(whole(&store, &object).await, bytes);
    let placed = store.place(Uuid::now_v7(), &digest(&bytes), bytes.clone()).await.unwrap();
    assert_eq!(whole(&store, &placed).await, bytes);
}

#[tokio::test]
async fn an_object_is_read_only_and_its_name_unique_to_the_upload() {
    let (folder, store) = fresh();
    let bytes = content(10);
    let objects = [push(&store, &bytes).await, push(&store, &bytes).await];
    assert_ne!(objects[0], objects[1]);
    for object in objects {
        let path = folder.path().join("store/blobs").join(object.as_str());
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o440);
    }
}

#[tokio::test]
async fn a_size_other_than_the_uploads_is_refused_and_changes_nothing() {
    let (_folder, store) = fresh();
    let bytes = content(1_000);
    let (id, appended) = begin(&store, &bytes).await;
    let digest = appended.hasher.finish();
    for expected in [0, 999, 1_001] {
        let refused = promote(&store, id, &digest, expected).await.unwrap_err();
        assert!(
            matches!(refused, Error::WrongSize { held: 1_000, expected: said } if said == expected)
        );
        assert!(objects(&store).await.is_empty());
    }
    promote(&store, id, &digest, 1_000).await.unwrap();
    let again = promote(&store, id, &digest, 1_000).await.unwrap_err();
    assert!(matches!(again, Error::Missing), "{again}");
}

#[tokio::test]
async fn a_blob_without_bytes_needs_no_upload() {
    let (_folder, store) = fresh();
    let object = promote(&store, Uuid::now_v7(), &digest(b""), 0).await.unwrap();
    assert!(whole(&store, &object).await.is_empty());
    let placed = store.place(Uuid::now_v7(), &digest(b""), Bytes::new()).await.unwrap();
    assert!(whole(&store, &placed).await.is_empty());
    let absent = promote(&store, Uuid::now_v7(), &digest(b"x"), 1).await.unwrap_err();
    assert!(matches!(absent, Error::Missing), "{absent}");
}

#[tokio::test]
async fn placing_takes_small_blobs_once() {
    let (_folder, store) = fresh();
    let (id, bytes) = (Uuid::now_v7(), content(SMALL_BLOB as usize + 1));
    let large = store.place(id, &digest(&bytes), bytes.clone()).await.unwrap_err();
    assert!(matches!(large, Error::TooLarge { limit: SMALL_BLOB }), "{large}");
    let bytes = bytes.slice(1..);
    let object = store.place(id, &digest(&bytes), bytes.clone()).await.unwrap();
    assert!(whole(&store, &object).await == bytes);
    let again = store.place(id, &digest(&bytes), bytes.clone()).await.unwrap_err();
    assert!(matches!(again, Error::Io(_)), "{again}");
    assert!(whole(&store, &object).await == bytes);
}

#[tokio::test]
async fn an_offset_beyond_the_file_or_beside_the_hash_is_refused() {
    let (_folder, store) = fresh();
    let bytes = content(100);
    let (id, _) = begin(&store, &bytes).await;
    let mut ahead = Hasher::new(SHA256);
    ahead.update(&content(101));
    let gap = append(&store, id, ahead.clone(), &bytes).await.err().unwrap();
    assert!(matches!(gap, Error::Gap { offset: 101, held: 100 }), "{gap}");
    let unknown = append(&store, Uuid::now_v7(), ahead.clone(), &bytes).await.err().unwrap();
    assert!(matches!(unknown, Error::Missing), "{unknown}");
    let beside = store.append(id, 100, ahead, frames(&bytes, 10), 1_000).await.err().unwrap();
    assert!(
        matches!(beside, AppendError::Store(Error::WrongState { hashed: 101, offset: 100 })),
        "{beside}"
    );
    assert_eq!(uploads(&store).await[0].size, 100);
}

#[tokio::test]
async fn what_nobody_acknowledged_is_cut_off() {
    let (_folder, store) = fresh();
    let bytes = content(700_000);
    let (id, _) = begin(&store, &bytes).await;
    let mut hasher = Hasher::new(SHA256);
    hasher.update(&bytes[..300_000]);
    let nothing = append(&store, id, hasher.clone(), &Bytes::new()).await.unwrap();
    assert_eq!((nothing.received, uploads(&store).await[0].size), (300_000, 300_000));
    let tail = bytes.slice(300_000..400_000);
    let appended = append(&store, id, hasher, &tail).await.unwrap();
    let object = promote(&store, id, &appended.hasher.finish(), 400_000).await.unwrap();
    assert!(whole(&store, &object).await == bytes[..400_000]);
}

#[tokio::test]
async fn a_broken_stream_keeps_what_came() {
    let (_folder, store) = fresh();
    for came in [0, 1, 600_000, 1_500_000] {
        let (id, bytes) = (Uuid::now_v7(), content(2_000_000));
        let broken = frames(&bytes.slice(..came), 64_000)
            .map(|frame| frame.map_err(|never| match never {}))
            .chain(stream::once(async { Err("reset by peer") }));
        let error =
            store.append(id, 0, Hasher::new(SHA256), broken, 2_000_000).await.err().unwrap();
        let AppendError::Stream { source: "reset by peer", appended } = error else {
            panic!("{error}")
        };
        assert_eq!(appended.received, came as u64);
        let appended = append(&store, id, appended.hasher, &bytes.slice(came..)).await.unwrap();
        assert_eq!(appended.hasher.finish(), digest(&bytes));
        promote(&store, id, &digest(&bytes), 2_000_000).await.unwrap();
    }
}

#[tokio::test]
async fn the_limit_is_of_the_whole_upload() {
    let (_folder, store) = fresh();
    let bytes = content(1_500_000);
    for (limit, fits) in [(1_500_000, true), (1_499_999, false), (100, false), (0, false)] {
        let id = Uuid::now_v7();
        let appended =
            store.append(id, 0, Hasher::new(SHA256), frames(&bytes, 64_000), limit).await;
        match appended {
            Ok(appended) => assert_eq!((fits, appended.received), (true, 1_500_000)),
            Err(error) => {
                assert!(
                    matches!(error, AppendError::TooLarge { limit: said } if said == limit && !fits),
                    "{error}"
                );
                // The claim is gone with the call.
                store
                    .append(id, 0, Hasher::new(SHA256), frames(&bytes, 64_000), 1_500_000)
                    .await
                    .unwrap();
            }
        }
    }
    let (id, appended) = begin(&store, &bytes).await;
    let more = frames(&Bytes::from_static(b"x"), 1);
    let over = store.append(id, 1_500_000, appended.hasher, more, 1_500_000).await.err().unwrap();
    assert!(matches!(over, AppendError::TooLarge { limit: 1_500_000 }), "{over}");
}

#[tokio::test]
async fn one_writer_at_a_time() {
    let (_folder, store) = fresh();
    let (id, bytes) = (Uuid::now_v7(), content(10));
    let waiting = stream::pending::<Result<Bytes, Infallible>>();
    let mut first = Box::pin(store.append(id, 0, Hasher::new(SHA256), waiting, 10));
    assert!((&mut first).now_or_never().is_none());
    let second = store.append(id, 0, Hasher::new(SHA256), frames(&bytes, 1), 10).await;
    assert!(matches!(second, Err(AppendError::Busy)));
    assert!(matches!(promote(&store, id, &digest(b""), 0).await, Err(Error::Busy)));
    begin(&store, &bytes).await;
    drop(first);
    store.append(id, 0, Hasher::new(SHA256), frames(&bytes, 1), 10).await.unwrap();
}

#[tokio::test]
async fn an_append_that_nobody_waits_for_ends_and_can_be_repeated() {
    let (_folder, store) = fresh();
    let (id, bytes) = (Uuid::now_v7(), content(3_000_000));
    for polls in 1..6 {
        let endless = frames(&bytes, 64_000).chain(stream::pending());
        let mut abandoned = Box::pin(store.append(id, 0, Hasher::new(SHA256), endless, u64::MAX));
        for _ in 0..polls {
            assert!((&mut abandoned).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        drop(abandoned);
        let appended = loop {
            match store.append(id, 0, Hasher::new(SHA256), frames(&bytes, 64_000), u64::MAX).await {
                Err(AppendError::Busy) => tokio::task::yield_now().await,
                outcome => break outcome.unwrap(),
            }
        };
        assert_eq!(appended.hasher.finish(), digest(&bytes));
        assert_eq!(uploads(&store).await[0].size, 3_000_000);
    }
    let object = promote(&store, id, &digest(&bytes), 3_000_000).await.unwrap();
    assert!(whole(&store, &object).await == bytes);
}

#[test]
fn an_upload_can_be_hashed_anew_with_another_algorithm() {
    let (_folder, store) = fresh();
    let (id, bytes) = (Uuid::new_v4(), content(700_000));
    block_on(async {
        let stream = frames(&bytes, 65_536);
        store.append(id, 0, Hasher::new(Algorithm::Sha256), stream, u64::MAX).await.unwrap();
        let hash = |length| store.hash(id, length, Algorithm::Sha512);
        assert_eq!(hash(700_000).await.unwrap(), Digest::of(Algorithm::Sha512, &bytes));
        assert_eq!(hash(1).await.unwrap(), Digest::of(Algorithm::Sha512, &bytes[..1]));
        assert!(hash(700_001).await.is_err());
        let none = store.hash(Uuid::new_v4(), 0, Algorithm::Sha512).await.unwrap();
        assert_eq!(none, Digest::of(Algorithm::Sha512, b""));
    });
}
