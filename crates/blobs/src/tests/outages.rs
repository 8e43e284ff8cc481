//! An S3 that fails: each kind of request, with each kind of fault. What can be tried again is, and what cannot ends
//! with an error after a bounded time and loses nothing.

use std::time::Instant;

use super::{
    throwaway::{
        Fault::{self, Cut, CutAnswer, LoseAnswer, Refuse, Stall},
        Kind::{self, Abort, Begin, Complete, Delete, Get, Head, Part, Put},
    },
    *,
};

const SLOW_DOWN: Fault = Refuse(503, "SlowDown");

/// A push in three appends, with parts, a piece and a tail; then a read, then the end of it.
async fn all(store: &Store) -> Result<(), Error> {
    let bytes = content(14 * MIB);
    let (session, mut progress) = (Uuid::new_v4(), Progress::new(SHA256));
    for range in [0..MIB, MIB..13 * MIB, 13 * MIB..14 * MIB] {
        progress = append(store, session, saved(&progress), &bytes.slice(range)).await?;
    }
    let object = promote(store, session, &saved(&progress)).await?;
    let content = store.open(&object, bytes.len() as u64).await?;
    let read = read(&content, 0..content.size).await.map_err(Error::Io)?;
    assert!(read == bytes);
    store.delete(&object).await?;
    let (session, progress) = begin(store, &bytes).await;
    store.discard(session, Some(&progress.parts)).await
}

#[test]
fn what_can_be_tried_again_is() {
    let cases = [
        (Put, SLOW_DOWN, 2),
        (Put, Refuse(500, "InternalError"), 2),
        (Put, Cut, 2),
        (Put, LoseAnswer, 2),
        (Put, Stall, 1),
        (Begin, SLOW_DOWN, 2),
        (Begin, LoseAnswer, 1),
        (Part, SLOW_DOWN, 2),
        (Part, Cut, 2),
        (Part, LoseAnswer, 2),
        (Part, Stall, 1),
        (Complete, SLOW_DOWN, 2),
        (Complete, LoseAnswer, 1),
        (Complete, Stall, 1),
        (Head, SLOW_DOWN, 2),
        (Head, LoseAnswer, 2),
        (Get, SLOW_DOWN, 2),
        (Get, CutAnswer(MIB), 5),
        (Get, CutAnswer(0), 2),
        (Get, Stall, 1),
        (Delete, SLOW_DOWN, 2),
        (Delete, Cut, 2),
        (Delete, LoseAnswer, 2),
        (Abort, SLOW_DOWN, 2),
    ];
    // Most of the time is pauses before the next try, so several wait at the same time.
    block_on(stream::iter(cases).for_each_concurrent(6, |(kind, fault, times)| async move {
        let house = House::of_s3().await;
        house.server().fail(kind, fault, times);
        let outcome = all(&house.store).await;
        assert!(outcome.is_ok(), "{kind:?} {fault:?}: {}", outcome.unwrap_err());
        assert!(!house.server().recover(), "{kind:?} {fault:?} never happened");
    }));
}

#[test]
fn an_outage_ends_in_an_error_and_the_upload_goes_on_afterwards() {
    block_on(async {
        let house = House::of_s3().await;
        let (store, server) = (&house.store, house.server());
        let bytes = content(26 * MIB);
        let (session, progress) = begin(store, &bytes.slice(..MIB)).await;
        for kind in [Begin, Part, Get] {
            server.fail(kind, SLOW_DOWN, usize::MAX);
            is_unavailable(append(store, session, progress.clone(), &bytes.slice(MIB..)).await);
            server.recover();
        }
        let progress = append(store, session, progress, &bytes.slice(MIB..)).await.unwrap();
        for kind in [Complete, Head] {
            server.fail(kind, SLOW_DOWN, usize::MAX);
            is_unavailable(promote(store, session, &progress).await);
            server.recover();
        }
        let object = promote(store, session, &progress).await.unwrap();
        assert!(holds(store, &object, &bytes).await);
    });
}

fn is_unavailable<T>(outcome: Result<T, Error>) {
    match outcome {
        Err(Error::Unavailable(_)) => {}
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("an outage is not success"),
    }
}

#[test]
fn a_read_that_brings_nothing_ends() {
    block_on(async {
        let house = House::of_s3().await;
        let object = push(&house.store, &content(2 * MIB)).await;
        let content = house.store.open(&object, 2 * MIB as u64).await.unwrap();
        for fault in [SLOW_DOWN, CutAnswer(0)] {
            house.server().fail(Get, fault, usize::MAX);
            let begun = Instant::now();
            read(&content, 0..content.size).await.unwrap_err();
            assert!(begun.elapsed() < Duration::from_secs(60));
            house.server().recover();
        }
        read(&content, 0..content.size).await.unwrap();
    });
}

#[test]
fn refusals_are_told_apart() {
    block_on(async {
        let house = House::of_s3().await;
        let (store, server) = (&house.store, house.server());
        for (fault, expected) in [
            (Refuse(403, "AccessDenied"), "Refused"),
            (Refuse(400, "ExpiredToken"), "Refused"),
            (Refuse(404, "NoSuchBucket"), "Refused"),
            (Refuse(507, "XMinioStorageFull"), "Full"),
            (Refuse(503, "SlowDown"), "Unavailable"),
        ] {
            server.fail(Put, fault, usize::MAX);
            let error = place(store, &content(10)).await.unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{fault:?}: {error:?}");
            server.recover();
        }
    });
}

#[test]
fn parts_that_another_writer_replaced_make_no_object() {
    block_on(async {
        let house = House::of_s3().await;
        let (session, progress) = begin(&house.store, &content(14 * MIB)).await;
        house.server().fail(Complete, Refuse(400, "InvalidPart"), 1);
        let error = promote(&house.store, session, &progress).await.unwrap_err();
        assert!(matches!(error, Error::Missing), "{error:?}");
        assert!(objects(&house.store).await.is_empty());
    });
}

#[test]
fn a_yes_is_remembered_and_a_no_is_not() {
    block_on(async {
        let house = House::of_s3().await;
        let object = push(&house.store, &content(10)).await;
        let store = house.again().await;
        let before = house.server().count(Head);
        assert!(
            store.exists(&object, 10).await.unwrap() && store.exists(&object, 10).await.unwrap()
        );
        assert_eq!(house.server().count(Head) - before, 1);
        store.delete(&object).await.unwrap();
        assert!(!store.exists(&object, 10).await.unwrap());
        let before = house.server().count(Kind::Head);
        assert!(!store.exists(&object, 10).await.unwrap());
        assert_eq!(house.server().count(Head) - before, 1);
    });
}
