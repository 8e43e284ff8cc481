//! Appending, promoting, placing: what is written is what is read, and what is refused changes nothing.

use futures_util::FutureExt;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{AppendError, SMALL_BLOB};

on_both!(
    any_chunking_and_any_resumption_stores_the_same_bytes,
    many_tiny_and_empty_frames_arrive_whole,
    names_are_unique,
    a_size_other_than_the_uploads_is_refused_and_changes_nothing,
    a_blob_without_bytes_needs_no_upload,
    placing_takes_small_blobs,
    a_broken_stream_keeps_what_came,
    the_limit_is_of_the_whole_upload,
    one_writer_at_a_time,
    an_append_that_nobody_waits_for_can_be_repeated,
    an_upload_can_be_hashed_anew_with_another_algorithm,
    a_small_upload_can_be_taken_out,
    a_hash_of_other_bytes_is_refused,
);

async fn any_chunking_and_any_resumption_stores_the_same_bytes(house: House) {
    let source = content(36 * MIB);
    // Lengths around those at which S3's engine does something else.
    let length = prop_oneof![
        4 => 0..400_000usize,
        3 => 0..12_000usize,
        2 => 4 * MIB..7 * MIB,
        1 => 10 * MIB..12 * MIB,
        1 => Just(5 * MIB),
        1 => Just(11 * MIB),
    ];
    let appends = vec((length, 1_000..300_000usize), 0..4);
    let inputs = (appends, any::<bool>(), any::<bool>());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(24)
    });
    let stores = [house.again().await, house.again().await];
    let outcome = runner.run(&inputs, |(appends, is_long, is_announced)| {
        let algorithm = if is_long { Algorithm::Sha512 } else { SHA256 };
        let (session, mut progress, mut at) = (Uuid::new_v4(), Progress::new(algorithm), 0);
        let last = appends.len();
        let source = &source;
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for (nth, (length, frame)) in appends.into_iter().enumerate() {
                    // Another replica each time.
                    let store = &stores[nth % 2];
                    let part = source.slice(at..at + length);
                    let is_last = is_announced && nth + 1 == last;
                    let end = if is_last { End::Last } else { End::More };
                    let stream = frames(&part, frame);
                    let after =
                        store.append(session, saved(&progress), stream, u64::MAX, end).await;
                    progress = after.unwrap();
                    at += length;
                    assert_eq!(progress.received, at as u64);
                }
                let expected = source.slice(..at);
                let digest = progress.hasher.clone().finish();
                assert_eq!(digest, Digest::of(algorithm, &expected));
                let store = &stores[last % 2];
                let object = promote(store, session, &saved(&progress)).await.unwrap();
                assert_eq!(object.session(), session);
                assert!(holds(store, &object, &expected).await);
                assert!(uploads(store).await.is_empty());
                let left = objects(store).await;
                assert_eq!((left.len(), left[0].size), (1, at as u64), "{left:?}");
                store.delete(&object).await.unwrap();
            });
        });
        Ok(())
    });
    outcome.unwrap();
}

async fn many_tiny_and_empty_frames_arrive_whole(house: House) {
    let bytes = content(5_000);
    let tiny = frames(&bytes, 1).flat_map(|frame| stream::iter([Ok(Bytes::new()), frame]));
    let session = Uuid::new_v4();
    let progress = Progress::new(SHA256);
    let progress = house.store.append(session, progress, tiny, 5_000, End::More).await.unwrap();
    let object = promote(&house.store, session, &progress).await.unwrap();
    assert!(holds(&house.store, &object, &bytes).await);
}

async fn names_are_unique(house: House) {
    let bytes = content(10);
    let objects = [push(&house.store, &bytes).await, push(&house.store, &bytes).await];
    assert_ne!(objects[0], objects[1]);
    for object in objects {
        assert!(object.digest().is_none_or(|named| named == digest(&bytes)));
        assert_eq!(object.to_string().parse::<Object>().unwrap(), object);
    }
}

async fn a_size_other_than_the_uploads_is_refused_and_changes_nothing(House { store, .. }: House) {
    let bytes = content(1_000);
    let (session, progress) = begin(&store, &bytes).await;
    let before = objects(&store).await;
    for expected in [999, 1_001] {
        let wrong = Progress { received: expected, ..progress.clone() };
        let refused = promote(&store, session, &wrong).await.unwrap_err();
        assert!(
            matches!(refused, Error::WrongSize { held: 1_000, expected: said } if said == expected)
        );
        assert_eq!(objects(&store).await, before);
    }
    let object = promote(&store, session, &progress).await.unwrap();
    assert!(holds(&store, &object, &bytes).await);
}

async fn a_blob_without_bytes_needs_no_upload(House { store, .. }: House) {
    let nothing = Progress::new(SHA256);
    let object = promote(&store, Uuid::new_v4(), &nothing).await.unwrap();
    assert!(holds(&store, &object, b"").await);
    let object = place(&store, &Bytes::new()).await.unwrap();
    assert!(holds(&store, &object, b"").await);
}

async fn placing_takes_small_blobs(House { store, .. }: House) {
    let bytes = content(SMALL_BLOB as usize + 1);
    let large = place(&store, &bytes).await.unwrap_err();
    assert!(matches!(large, Error::TooLarge { limit: SMALL_BLOB }), "{large}");
    let bytes = bytes.slice(1..);
    let object = place(&store, &bytes).await.unwrap();
    assert!(holds(&store, &object, &bytes).await);
    assert!(store.exists(&object, SMALL_BLOB).await.unwrap());
}

async fn a_broken_stream_keeps_what_came(House { store, .. }: House) {
    let length = 13 * MIB;
    let bytes = content(length);
    for came in [0, 1, 600_000, 12 * MIB] {
        let session = Uuid::new_v4();
        let broken = frames(&bytes.slice(..came), 64_000)
            .map(|frame| frame.map_err(|never| match never {}))
            .chain(stream::once(async { Err("reset by peer") }));
        let progress = Progress::new(SHA256);
        // Announced as the last bytes, which they then are not.
        let error = store.append(session, progress, broken, length as u64, End::Last).await;
        let AppendError::Stream { source: "reset by peer", appended } = error.err().unwrap() else {
            panic!("another error")
        };
        assert_eq!(appended.received, came as u64);
        let rest = bytes.slice(came..);
        let progress = append(&store, session, saved(&appended), &rest).await.unwrap();
        let object = promote(&store, session, &progress).await.unwrap();
        assert!(holds(&store, &object, &bytes).await);
    }
}

async fn the_limit_is_of_the_whole_upload(House { store, .. }: House) {
    let bytes = content(1_500_000);
    for (limit, fits) in [(1_500_000, true), (1_499_999, false), (100, false), (0, false)] {
        let (session, new) = (Uuid::new_v4(), Progress::new(SHA256));
        let appended =
            store.append(session, new.clone(), frames(&bytes, 64_000), limit, End::More).await;
        match appended {
            Ok(progress) => assert_eq!((fits, progress.received), (true, 1_500_000)),
            Err(error) => {
                assert!(
                    matches!(error, AppendError::TooLarge { limit: said } if said == limit && !fits),
                    "{error}"
                );
                // The claim is gone with the call.
                append(&store, session, new, &bytes).await.unwrap();
            }
        }
    }
    let (session, progress) = begin(&store, &bytes).await;
    let more = frames(&Bytes::from_static(b"x"), 1);
    let over = store.append(session, progress, more, 1_500_000, End::More).await.err().unwrap();
    assert!(matches!(over, AppendError::TooLarge { limit: 1_500_000 }), "{over}");
}

async fn one_writer_at_a_time(House { store, .. }: House) {
    let (session, bytes, new) = (Uuid::new_v4(), content(10), Progress::new(SHA256));
    let waiting = stream::pending::<Result<Bytes, Infallible>>();
    let mut first = Box::pin(store.append(session, new.clone(), waiting, 10, End::More));
    assert!((&mut first).now_or_never().is_none());
    let second = store.append(session, new.clone(), frames(&bytes, 1), 10, End::More).await;
    assert!(matches!(second, Err(AppendError::Busy)));
    assert!(matches!(promote(&store, session, &new).await, Err(Error::Busy)));
    begin(&store, &bytes).await;
    drop(first);
    append(&store, session, new, &bytes).await.unwrap();
}

async fn an_append_that_nobody_waits_for_can_be_repeated(House { store, .. }: House) {
    let (session, bytes) = (Uuid::new_v4(), content(14 * MIB));
    let new = Progress::new(SHA256);
    let mut progress = None;
    for polls in [1, 3, 9] {
        let endless = frames(&bytes, 640_000).chain(stream::pending());
        let mut abandoned =
            Box::pin(store.append(session, new.clone(), endless, u64::MAX, End::More));
        for _ in 0..polls {
            assert!((&mut abandoned).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        drop(abandoned);
        progress = Some(loop {
            match append_again(&store, session, &new, &bytes).await {
                Err(AppendError::Busy) => tokio::task::yield_now().await,
                outcome => break outcome.unwrap(),
            }
        });
    }
    let object = promote(&store, session, &progress.unwrap()).await.unwrap();
    assert!(holds(&store, &object, &bytes).await);
}

async fn append_again(
    store: &Store,
    session: Uuid,
    progress: &Progress,
    bytes: &Bytes,
) -> Result<Progress, AppendError<Infallible>> {
    store.append(session, progress.clone(), frames(bytes, 64_000), u64::MAX, End::More).await
}

async fn an_upload_can_be_hashed_anew_with_another_algorithm(House { store, .. }: House) {
    for length in [0, 700_000, 17 * MIB] {
        let bytes = content(length);
        let (session, mut progress) = begin(&store, &bytes).await;
        let hashed = store.hash(session, &mut progress, Algorithm::Sha512).await.unwrap();
        assert_eq!(hashed, Digest::of(Algorithm::Sha512, &bytes));
        let object = promote(&store, session, &saved(&progress)).await.unwrap();
        assert!(holds(&store, &object, &bytes).await);
    }
}

async fn a_small_upload_can_be_taken_out(House { store, .. }: House) {
    let bytes = content(100_000);
    let (session, progress) = begin(&store, &bytes.slice(..70_000)).await;
    let progress = append(&store, session, progress, &bytes.slice(70_000..)).await.unwrap();
    assert_eq!(store.uploaded(session, &progress).await.unwrap(), bytes);
    store.discard(session, Some(&progress.parts)).await.unwrap();
    assert!(uploads(&store).await.is_empty() && objects(&store).await.is_empty());
    let large = Progress { received: SMALL_BLOB + 1, ..progress };
    let large = store.uploaded(session, &large).await.unwrap_err();
    assert!(matches!(large, Error::TooLarge { limit: SMALL_BLOB }), "{large}");
}

async fn a_hash_of_other_bytes_is_refused(House { store, .. }: House) {
    let (session, progress) = begin(&store, &content(100)).await;
    let mut hasher = progress.hasher.clone();
    hasher.update(b"x");
    let beside = Progress { hasher: hasher.clone(), ..progress.clone() };
    let beside = append(&store, session, beside, &content(1)).await.err().unwrap();
    assert!(matches!(beside, Error::WrongState { hashed: 101, offset: 100 }), "{beside}");
    let ahead = Progress { hasher, received: 101, parts: progress.parts };
    let gap = append(&store, session, ahead, &content(1)).await.err().unwrap();
    assert!(matches!(gap, Error::Gap { offset: 101, held: 100 }), "{gap}");
}
