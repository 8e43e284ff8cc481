//! What only S3 does: few requests for small uploads, pieces, replicas that do not know of each other, bounded memory,
//! URLs that are given away.

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    throwaway::Fault,
    throwaway::Kind::{Begin, Complete, Delete, Get, Head, Part, Put},
    *,
};
use crate::{AppendError, FEW, s3::PARTS_IN_MEMORY};

#[tokio::test]
async fn a_small_upload_is_one_object_from_the_start() {
    let house = House::of_s3().await;
    let kinds = [Put, Get, Head, Delete, Begin];
    let before = kinds.map(|kind| house.server().count(kind));
    let object = push(&house.store, &content(5 * MIB)).await;
    let after = kinds.map(|kind| house.server().count(kind));
    let spent: Vec<usize> =
        after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(spent, [1, 0, 1, 0, 0]);
    let listed = objects(&house.store).await;
    assert_eq!((listed.len(), &listed[0].name), (1, &object));
}

/// Not one request before it is known where they are to be, and none at all when that is elsewhere.
#[tokio::test]
async fn few_bytes_are_kept_with_the_progress() {
    let house = House::of_s3().await;
    let (store, bytes) = (&house.store, content(FEW as usize + 1));
    let kinds = [Put, Get, Head, Delete, Begin];
    let counts = || kinds.map(|kind| house.server().count(kind));
    let before = counts();
    let (session, progress) = begin(store, &bytes.slice(..10_000)).await;
    let most = bytes.slice(10_000..FEW as usize);
    let progress = append(store, session, saved(&progress), &most).await.unwrap();
    let progress = saved(&progress);
    assert!(progress.parts.save().len() < 22_000, "{}", progress.parts.save().len());
    assert_eq!(store.uploaded(session, &progress).await.unwrap(), bytes[..FEW as usize]);
    let hashed = store.hash(session, &mut progress.clone(), Algorithm::Sha512).await.unwrap();
    assert_eq!(hashed, Digest::of(Algorithm::Sha512, &bytes[..FEW as usize]));
    store.discard(session, Some(&progress.parts)).await.unwrap();
    assert_eq!(counts(), before);
    let object = promote(store, session, &progress).await.unwrap();
    assert!(holds(store, &object, &bytes[..FEW as usize]).await);
    let last = bytes.slice(FEW as usize..);
    let progress = append(store, session, progress, &last).await.unwrap();
    assert!(progress.parts.save().len() < 200, "one more byte, and they are an object");
    let object = promote(store, session, &saved(&progress)).await.unwrap();
    assert!(holds(store, &object, &bytes).await);
}

#[tokio::test]
async fn an_announced_end_saves_the_tail() {
    let house = House::of_s3().await;
    let bytes = content(13 * MIB);
    for (end, puts) in [(End::More, 1), (End::Last, 0)] {
        let server = house.server();
        let before = server.count(Put);
        let session = Uuid::new_v4();
        // Two parts are due in the first append, and the second one brings a rest that is too small.
        let first = bytes.slice(..12 * MIB);
        let progress = append(&house.store, session, Progress::new(SHA256), &first).await.unwrap();
        let rest = bytes.slice(12 * MIB..);
        let progress =
            append_to(&house.store, session, saved(&progress), &rest, end).await.unwrap();
        assert_eq!(server.count(Put) - before, puts, "{end:?}");
        let object = promote(&house.store, session, &saved(&progress)).await.unwrap();
        assert!(holds(&house.store, &object, &bytes).await);
    }
}

#[tokio::test]
async fn an_upload_that_was_ended_takes_no_more_bytes() {
    let house = House::of_s3().await;
    let store = house.store.clone();
    let bytes = content(17 * MIB);
    let (session, progress) = begin(&store, &bytes.slice(..12 * MIB)).await;
    let rest = bytes.slice(12 * MIB..13 * MIB);
    let progress = append_to(&store, session, progress, &rest, End::Last).await.unwrap();
    let refused = append(&store, session, progress.clone(), &content(1)).await.err().unwrap();
    assert!(matches!(refused, Error::Ended), "{refused}");
    let progress = append(&store, session, saved(&progress), &Bytes::new()).await.unwrap();
    let object = promote(&store, session, &progress).await.unwrap();
    assert!(holds(&store, &object, &bytes[..13 * MIB]).await);
}

#[tokio::test]
async fn many_small_appends_leave_few_pieces() {
    let house = House::of_s3().await;
    let store = house.store.clone();
    let bytes = content(100_000);
    let (session, mut progress) = (Uuid::new_v4(), Progress::new(SHA256));
    for start in (0..100_000).step_by(1_000) {
        let piece = bytes.slice(start..start + 1_000);
        progress = append(&store, session, saved(&progress), &piece).await.unwrap();
        let most = if progress.received <= FEW { 22_000 } else { 5_000 };
        assert!(progress.parts.save().len() < most, "{}", progress.parts.save());
    }
    let object = promote(&store, session, &progress).await.unwrap();
    assert!(holds(&store, &object, &bytes).await);
    let is_alone = async || objects(&store).await.len() == 1;
    // What an append makes superfluous is removed aside from the next one.
    for _ in 0..1_000 {
        if is_alone().await {
            return;
        }
        tokio::task::yield_now().await;
    }
    assert!(is_alone().await, "{:?}", objects(&store).await);
}

#[tokio::test]
async fn what_replicas_write_at_the_same_time_does_not_mix() {
    let one = House::of_s3().await;
    let two = House::at(Arc::clone(one.server.as_ref().unwrap())).await;
    for length in [1_000, 12 * MIB] {
        let (ours, theirs) = (content(length), Bytes::from(vec![7; length]));
        let (session, new) = (Uuid::new_v4(), Progress::new(SHA256));
        let first = append(&one.store, session, new.clone(), &ours).await.unwrap();
        let second = append(&two.store, session, new, &theirs).await.unwrap();
        // The row has a place for one of them, and it is the one that came first.
        let object = promote(&two.store, session, &saved(&first)).await.unwrap();
        assert!(holds(&one.store, &object, &ours).await);
        two.store.discard(session, Some(&second.parts)).await.unwrap();
        assert!(holds(&one.store, &object, &ours).await);
    }
    assert_eq!(objects(&one.store).await.len(), 2);
    assert!(uploads(&one.store).await.is_empty());
}

#[tokio::test]
async fn clients_that_pause_hold_no_memory() {
    let house = House::of_s3().await;
    let store = house.store.clone();
    let bytes = content(12 * MIB);
    let mut paused = Vec::new();
    for _ in 0..2 * PARTS_IN_MEMORY {
        let endless = frames(&bytes, MIB).chain(stream::pending());
        let (store, new) = (store.clone(), Progress::new(SHA256));
        paused.push(tokio::spawn(async move {
            store.append(Uuid::new_v4(), new, endless, u64::MAX, End::More).await.map(drop)
        }));
    }
    // Would wait for ever if one of those held on to a buffer.
    let object = push(&store, &bytes).await;
    assert!(holds(&store, &object, &bytes).await);
    for append in paused {
        assert!((&mut Box::pin(append)).now_or_never().is_none());
    }
}

#[tokio::test]
async fn one_large_frame_is_taken_in_steps() {
    let house = House::of_s3().await;
    let store = house.store.clone();
    let bytes = content(40 * MIB);
    let whole = stream::iter([Ok::<_, Infallible>(bytes.clone())]);
    let session = Uuid::new_v4();
    let new = Progress::new(SHA256);
    let progress = store.append(session, new, whole, u64::MAX, End::More).await.unwrap();
    let object = promote(&store, session, &progress).await.unwrap();
    assert!(holds(&store, &object, &bytes).await);
}

#[tokio::test]
async fn what_is_refused_for_its_size_leaves_nothing() {
    let house = House::of_s3().await;
    let bytes = content(14 * MIB);
    let (session, new) = (Uuid::new_v4(), Progress::new(SHA256));
    let limit = 13 * MIB as u64;
    let refused = house.store.append(session, new, frames(&bytes, MIB), limit, End::More).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { .. })));
    for _ in 0..500 {
        if uploads(&house.store).await.is_empty() {
            break;
        }
    }
    assert!(uploads(&house.store).await.is_empty());
    assert!(objects(&house.store).await.is_empty());
    assert_eq!(house.server().count(Complete), 1, "only the one that was tried at the start");
    assert!(house.server().count(Part) >= 1);
}

/// Gets a URL without any credentials.
async fn fetch(url: &str) -> (String, Vec<u8>) {
    let rest = url.strip_prefix("http://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let mut socket = tokio::net::TcpStream::connect(authority).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    (head, answer[end + 4..].to_vec())
}

#[tokio::test]
async fn a_signed_url_gives_the_object_to_anybody() {
    let house = House::of_s3().await;
    let bytes = content(10_000);
    let object = push(&house.store, &bytes).await;
    let minute = Duration::from_secs(60);
    let url = house.store.signed_url(&object, minute).await.unwrap().unwrap();
    let (head, body) = fetch(&url).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(body == bytes);
    let (head, _) = fetch(&url.replace("X-Amz-Expires=60", "X-Amz-Expires=61")).await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
}

#[tokio::test]
async fn urls_name_the_public_endpoint_or_are_not_given() {
    let house = House::of_s3().await;
    let object = push(&house.store, &content(10)).await;
    let public = Some("https://blobs.example.com:8443".to_owned());
    let plain = settings(house.server(), &house.folder);
    let outside = S3Settings { public_endpoint: public, ..plain.clone() };
    let store = connect(outside, quick()).await.unwrap();
    let url = store.signed_url(&object, Duration::from_secs(5)).await.unwrap().unwrap();
    let beginning = format!("https://blobs.example.com:8443/layers/some/where/{object}?");
    assert!(url.starts_with(&beginning), "{url}");
    let store = connect(S3Settings { redirect: false, ..plain }, quick()).await.unwrap();
    assert_eq!(store.signed_url(&object, Duration::from_secs(5)).await.unwrap(), None);
}

/// Whoever answers with the bytes must know before the answer begins.
#[tokio::test]
async fn a_read_that_has_begun_goes_on() {
    let house = House::of_s3().await;
    let bytes = content(3 * MIB);
    let object = push(&house.store, &bytes).await;
    let opened = house.store.open(&object, bytes.len() as u64).await.unwrap();
    for range in [0..bytes.len(), 5..5, 7..2 * MIB] {
        let begun = opened.begin(range.start as u64..range.end as u64).await.unwrap();
        let read: Vec<Bytes> = begun.try_collect().await.unwrap();
        assert!(read.concat() == bytes[range]);
    }
    let lengthened = house.store.open(&object, 7).await.unwrap();
    let wrong = lengthened.begin(0..7).await.err().unwrap();
    assert!(matches!(wrong, Error::WrongSize { .. }), "{wrong}");
    house.server().fail(Get, Fault::Refuse(503, "SlowDown"), 100);
    let busy = opened.begin(0..9).await.err().unwrap();
    assert!(matches!(busy, Error::Unavailable(_)), "{busy}");
    house.server().recover();
    house.store.delete(&object).await.unwrap();
    let gone = opened.begin(0..9).await.err().unwrap();
    assert!(matches!(gone, Error::Missing), "{gone}");
}

#[tokio::test]
async fn an_object_of_another_length_is_not_read() {
    let house = House::of_s3().await;
    let object = push(&house.store, &content(1_000)).await;
    let content = house.store.open(&object, 999).await.unwrap();
    let error = read(&content, 0..999).await.unwrap_err();
    assert!(error.to_string().contains("1000"), "{error}");
    assert!(content.small().unwrap().is_none() && content.file().is_none());
}

#[test]
fn saved_parts_are_read_back_and_nothing_else_is() {
    assert_eq!(Parts::default().save(), "");
    assert_eq!(Parts::restore("").unwrap(), Parts::default());
    for text in [
        "null",
        "7",
        "{\"few\":\"?\"}",
        "{\"few\":[1]}",
        "{\"tail\":[{\"object\":\"../x\",\"size\":1}]}",
        "{\"more\":1}",
        "{",
    ] {
        assert!(Parts::restore(text).is_err(), "{text}");
    }
}

#[test]
fn a_store_of_files_needs_no_parts() {
    let (_folder, store) = fresh();
    block_on(async {
        let (_, progress) = begin(&store, &content(12 * MIB)).await;
        assert_eq!(progress.parts.save(), "");
        let object = push(&store, &content(1)).await;
        assert_eq!(store.signed_url(&object, Duration::from_secs(1)).await.unwrap(), None);
    });
}
