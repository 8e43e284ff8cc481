//! Uploads: every way a blob can come in, and everything that can go wrong on the way.

use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;
use serde_json::json;
use wharf_testkit::http::{Response, break_off, held, streamed, whole};
use wharf_testkit::image::{digest, digest512, noise};
use wharf_testkit::s3::Kind;
use wharf_testkit::v2::{upload_id, with_digest};
use wharf_testkit::{ACCOUNT, Engine, V2, Wharf, eventually, on_both};

on_both![
    every_way_to_upload_gives_the_same_blob,
    an_empty_blob_is_a_blob,
    a_blob_can_have_a_sha512_digest,
    an_upload_goes_on_after_a_restart,
    a_cancelled_upload_is_gone,
    a_chunk_out_of_order_is_told_where_to_go_on,
    a_wrong_digest_stores_nothing,
    an_upload_that_is_being_written_takes_no_second_writer,
    chunks_sent_at_once_are_appended_one_after_the_other,
    what_arrived_before_a_break_is_kept,
    an_upload_belongs_to_one_repository,
    an_upload_belongs_to_one_principal,
    an_upload_of_a_deleted_repository_is_dead_in_its_successor,
    many_finish_one_upload_at_once,
    two_uploads_of_the_same_bytes_both_succeed,
];

const MIB: usize = 1024 * 1024;

async fn chunk(v2: &V2, location: &str, first: usize, bytes: &Bytes) -> Response {
    let range = format!("{first}-{}", first + bytes.len() - 1);
    let headers = [("content-range", range.as_str()), ("content-type", "application/octet-stream")];
    v2.send(Method::PATCH, location, &headers, whole(bytes.clone())).await
}

#[track_caller]
fn is_created(response: &Response, digest: &str) {
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(response.header("docker-content-digest"), digest);
    assert_eq!(response.header("location"), format!("/v2/app/blobs/{digest}"));
}

async fn every_way_to_upload_gives_the_same_blob(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    for (seed, length) in [(1, 10), (2, 300 * 1024), (3, 2 * MIB + 1)] {
        for way in 0..6 {
            let bytes = noise(seed * 10 + way, length);
            let digest = digest(&bytes);
            let pushed = upload(&v2, way, &bytes, &digest).await;
            is_created(&pushed, &digest);
            let pulled = v2.blob("app", &digest).await;
            assert!(pulled.status == 200 && pulled.body == bytes, "way {way}, {length} bytes");
        }
    }
    assert_eq!(wharf.upload_files(), Vec::<std::path::PathBuf>::new());
}

async fn upload(v2: &V2, way: u64, bytes: &Bytes, digest: &str) -> Response {
    let third = bytes.len() / 3;
    let pieces = vec![bytes.slice(..third), bytes.slice(third..)];
    let begin = "/v2/app/blobs/uploads/";
    match way {
        // In the request that begins it.
        0 => v2.post(&format!("{begin}?digest={digest}"), bytes.clone()).await,
        1 => {
            let escaped = digest.replace(':', "%3A");
            let path = format!("{begin}?digest={escaped}");
            v2.send(Method::POST, &path, &[], streamed(pieces)).await
        }
        // In the request that ends it.
        2 => {
            let location = v2.begin("app").await;
            v2.finish(&location, digest, bytes.clone()).await
        }
        // Streamed.
        3 => {
            let location = v2.begin("app").await;
            let patched = v2.send(Method::PATCH, &location, &[], streamed(pieces)).await;
            assert_eq!(patched.status, 202, "{}", patched.text());
            assert_eq!(patched.header("range"), format!("0-{}", bytes.len() - 1));
            v2.finish(patched.header("location"), digest, "").await
        }
        // In chunks, the last one in the request that ends it.
        _ => {
            let location = v2.begin("app").await;
            let patched = chunk(v2, &location, 0, &pieces[0]).await;
            assert_eq!(patched.status, 202, "{}", patched.text());
            let told = v2.get(patched.header("location")).await;
            assert_eq!((told.status, told.header("range")), (204, &*format!("0-{}", third - 1)));
            let range = format!("{third}-{}", bytes.len() - 1);
            let headers = if way == 4 { vec![("content-range", range.as_str())] } else { vec![] };
            let path = with_digest(told.header("location"), digest);
            v2.send(Method::PUT, &path, &headers, whole(pieces[1].clone())).await
        }
    }
}

async fn an_empty_blob_is_a_blob(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, digest) = (wharf.v2().await, digest(b""));
    let location = v2.begin("app").await;
    is_created(&v2.finish(&location, &digest, "").await, &digest);
    let pulled = v2.blob("app", &digest).await;
    assert_eq!((pulled.status, pulled.body.len()), (200, 0));
    assert_eq!(v2.head(&format!("/v2/app/blobs/{digest}")).await.header("content-length"), "0");
}

async fn a_blob_can_have_a_sha512_digest(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    for (n, announced) in ["", "?digest-algorithm=sha512"].into_iter().enumerate() {
        let bytes = noise(90 + n as u64, MIB);
        let digest = digest512(&bytes);
        let begun = v2.post(&format!("/v2/app/blobs/uploads/{announced}"), "").await;
        let patched = v2.patch(begun.header("location"), bytes.clone()).await;
        is_created(&v2.finish(patched.header("location"), &digest, "").await, &digest);
        assert!(v2.blob("app", &digest).await.body == bytes);
    }
    let refused = v2.post("/v2/app/blobs/uploads/?digest-algorithm=md5", "").await;
    refused.refuses_with(400, "DIGEST_INVALID");
}

async fn an_upload_goes_on_after_a_restart(mut wharf: Wharf) {
    wharf.repository("app").await;
    let (bytes, half) = (noise(5, 3 * MIB), MIB + 12_345);
    let v2 = wharf.v2().await;
    let begun = v2.patch(&v2.begin("app").await, bytes.slice(..half)).await;
    assert_eq!(begun.status, 202);
    let location = begun.header("location").to_owned();
    wharf.restart().await;
    let v2 = wharf.v2().await;
    let told = v2.get(&location).await;
    assert_eq!((told.status, told.header("range")), (204, &*format!("0-{}", half - 1)));
    assert_eq!(chunk(&v2, &location, half, &bytes.slice(half..)).await.status, 202);
    wharf.restart().await;
    let v2 = wharf.v2().await;
    is_created(&v2.finish(&location, &digest(&bytes), "").await, &digest(&bytes));
    assert!(v2.blob("app", &digest(&bytes)).await.body == bytes);
}

async fn a_cancelled_upload_is_gone(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let location = v2.begin("app").await;
    assert_eq!(v2.patch(&location, noise(1, MIB)).await.status, 202);
    assert_eq!(wharf.stored_files().len(), 1);
    assert_eq!(v2.delete(&location).await.status, 204);
    is_unknown(&v2, &location, "app").await;
    assert_eq!(wharf.stored_files().len(), 0);
    let garbled = "/v2/app/blobs/uploads/..;x";
    is_unknown(&v2, garbled, "app").await;
}

async fn is_unknown(v2: &V2, location: &str, repository: &str) {
    let id = upload_id(location);
    let message = format!(
        "Upload with id '{id}' could not be found for the repository with name '{repository}' in \
         the registry with id '{ACCOUNT}'"
    );
    let answers = [
        v2.get(location).await,
        v2.patch(location, "x").await,
        v2.finish(location, &digest(b"x"), "x").await,
        v2.delete(location).await,
    ];
    for answer in answers {
        answer.refuses(404, "BLOB_UPLOAD_UNKNOWN", &message);
    }
}

async fn a_chunk_out_of_order_is_told_where_to_go_on(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, bytes) = (wharf.v2().await, noise(7, 1000));
    let location = v2.begin("app").await;
    let begun = chunk(&v2, &location, 0, &bytes.slice(..400)).await;
    assert_eq!(begun.status, 202);
    let location = begun.header("location");
    for (what, first) in [("a gap", 500), ("an overlap", 300), ("again", 0)] {
        let refused = chunk(&v2, location, first, &bytes.slice(first..)).await;
        refused.refuses_with(416, "BLOB_UPLOAD_INVALID");
        assert_eq!(refused.header("range"), "0-399", "{what}");
        assert_eq!(refused.header("location"), location, "{what}");
    }
    for odd in ["400-", "x", "999-400", "bytes 0-18446744073709551615/*"] {
        let body = whole(bytes.slice(400..));
        let refused = v2.send(Method::PATCH, location, &[("content-range", odd)], body).await;
        assert_eq!(refused.status, 416, "{odd}");
    }
    let lying = [("content-range", "400-998")];
    let refused = v2.send(Method::PATCH, location, &lying, whole(bytes.slice(400..))).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(chunk(&v2, location, 400, &bytes.slice(400..)).await.status, 202);
    is_created(&v2.finish(location, &digest(&bytes), "").await, &digest(&bytes));
    assert!(v2.blob("app", &digest(&bytes)).await.body == bytes);
}

async fn a_wrong_digest_stores_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let message = "None of the provided layer digests match the calculated layer digest";
    for (seed, length) in [(1, 10), (2, MIB)] {
        let bytes = noise(seed, length);
        let (right, wrong) = (digest(&bytes), digest(b"other"));
        let location = v2.begin("app").await;
        v2.finish(&location, &wrong, bytes.clone()).await.refuses(400, "DIGEST_INVALID", message);
        let path = format!("/v2/app/blobs/uploads/?digest={wrong}");
        v2.post(&path, bytes.clone()).await.refuses(400, "DIGEST_INVALID", message);
        let location = v2.begin("app").await;
        v2.patch(&location, bytes.clone()).await;
        v2.finish(&location, &wrong, "").await.refuses(400, "DIGEST_INVALID", message);
        for digest in [right, wrong] {
            assert_eq!(v2.blob("app", &digest).await.status, 404);
        }
    }
    for bad in ["", "sha256:zz", "md5:00", &digest(b"x").to_uppercase(), "sha256:../../etc/passwd"]
    {
        let location = v2.begin("app").await;
        v2.finish(&location, bad, "x").await.refuses_with(400, "DIGEST_INVALID");
    }
    assert_eq!(wharf.blob_files().len(), 0);
}

async fn an_upload_that_is_being_written_takes_no_second_writer(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let location = v2.begin("app").await;
    let (sender, body) = held();
    let writing = {
        let (v2, location) = (v2.clone(), location.clone());
        tokio::spawn(async move { v2.send(Method::PATCH, &location, &[], body).await })
    };
    // Large enough for a part of its own on S3.
    sender.send(noise(1, 16 * MIB)).await.unwrap();
    eventually("the first writer has begun", async || {
        (!wharf.upload_files().is_empty()).then_some(())
    })
    .await;
    let second = v2.patch(&location, "intruder").await;
    second.refuses_with(503, "UNAVAILABLE");
    assert_eq!(second.header("retry-after"), "2");
    let early = v2.finish(&location, &digest(b"intruder"), "").await;
    assert_ne!(early.status, 201, "{}", early.text());
    sender.send(noise(2, 100)).await.unwrap();
    drop(sender);
    let written = writing.await.unwrap();
    assert_eq!(written.header("range"), format!("0-{}", 16 * MIB + 99));
    let (location, bytes) =
        (written.header("location"), [noise(1, 16 * MIB), noise(2, 100)].concat());
    is_created(&v2.finish(location, &digest(&bytes), "").await, &digest(&bytes));
}

/// Each chunk of another length, so that the range of an answer tells where its bytes went.
async fn chunks_sent_at_once_are_appended_one_after_the_other(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    for round in 0..20 {
        let location = v2.begin("app").await;
        let chunks: Vec<Bytes> =
            (0..4).map(|n| noise(round * 4 + n, 70_000 + 10_000 * n as usize)).collect();
        let answers = join_all(chunks.iter().map(|chunk| v2.patch(&location, chunk.clone()))).await;
        let mut appended = Vec::new();
        for (answer, chunk) in answers.iter().zip(&chunks) {
            match answer.status {
                202 => appended.push((end_of(answer), chunk)),
                status => assert_eq!(status, 503, "{}", answer.text()),
            }
        }
        appended.sort_by_key(|(end, _)| *end);
        let mut whole = Vec::new();
        for (end, chunk) in appended {
            whole.extend_from_slice(chunk);
            assert_eq!(end, whole.len(), "two chunks went to one place");
        }
        let digest = digest(&whole);
        is_created(&v2.finish(&location, &digest, "").await, &digest);
        assert!(v2.blob("app", &digest).await.body == whole);
    }
}

/// How many bytes the upload holds by this answer.
fn end_of(answer: &Response) -> usize {
    let last = answer.header("range").strip_prefix("0-").expect("a range from the start");
    last.parse::<usize>().unwrap() + 1
}

async fn what_arrived_before_a_break_is_kept(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, bytes) = (wharf.v2().await, noise(8, MIB));
    let location = v2.begin("app").await;
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n",
        wharf.address,
        v2.authorization(),
        bytes.len()
    );
    let sent = 700_000;
    break_off(wharf.address, &[head.as_bytes(), &bytes[..sent]].concat()).await;
    let kept = eventually("the bytes that arrived are kept", async || {
        let told = v2.get(&location).await;
        let last: usize = told.header("range").strip_prefix("0-")?.parse().ok()?;
        (last > 0).then_some(last + 1)
    })
    .await;
    assert!(kept <= sent, "{kept}");
    assert_eq!(chunk(&v2, &location, kept, &bytes.slice(kept..)).await.status, 202);
    is_created(&v2.finish(&location, &digest(&bytes), "").await, &digest(&bytes));
    assert!(v2.blob("app", &digest(&bytes)).await.body == bytes);
}

async fn an_upload_belongs_to_one_repository(wharf: Wharf) {
    wharf.repository("app").await;
    wharf.repository("other").await;
    let v2 = wharf.v2().await;
    let location = v2.begin("app").await;
    let elsewhere = location.replace("/app/", "/other/");
    is_unknown(&v2, &elsewhere, "other").await;
    is_created(&v2.finish(&location, &digest(b"mine"), "mine").await, &digest(b"mine"));
}

async fn an_upload_belongs_to_one_principal(mut wharf: Wharf) {
    let intruder = wharf.second_account("999999999999").await;
    wharf.repository("app").await;
    let input = json!({ "repositoryName": "app" });
    wharf.api_as(&intruder, "CreateRepository", input).await.unwrap();
    let (v2, other) = (wharf.v2().await, wharf.v2_as(&intruder).await);
    let location = v2.begin("app").await;
    let patched = v2.patch(&location, "mi").await;
    assert_eq!(patched.status, 202);
    for answer in [
        other.get(&location).await,
        other.patch(&location, "x").await,
        other.finish(&location, &digest(b"mi"), "").await,
        other.delete(&location).await,
    ] {
        answer.refuses_with(404, "BLOB_UPLOAD_UNKNOWN");
    }
    let id = upload_id(&location);
    let input = json!({ "repositoryName": "app", "uploadId": id, "layerDigests": [digest(b"mi")] });
    let refused = wharf.api_as(&intruder, "CompleteLayerUpload", input).await.unwrap_err();
    assert_eq!(refused.code, "UploadNotFoundException");
    let location = patched.header("location");
    is_created(&v2.finish(location, &digest(b"mine"), "ne").await, &digest(b"mine"));
}

async fn an_upload_of_a_deleted_repository_is_dead_in_its_successor(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let location = v2.begin("app").await;
    assert_eq!(v2.patch(&location, "old").await.status, 202);
    wharf.api("DeleteRepository", json!({ "repositoryName": "app" })).await.unwrap();
    assert_eq!(v2.get(&location).await.status, 404);
    wharf.repository("app").await;
    is_unknown(&v2, &location, "app").await;
}

async fn many_finish_one_upload_at_once(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, bytes) = (wharf.v2().await, noise(3, MIB));
    let digest = digest(&bytes);
    let location = v2.begin("app").await;
    assert_eq!(v2.patch(&location, bytes.clone()).await.status, 202);
    let finishing = (0..50).map(|_| v2.finish(&location, &digest, ""));
    let answers: Vec<u16> = join_all(finishing).await.iter().map(|answer| answer.status).collect();
    assert!(answers.contains(&201), "{answers:?}");
    // A second finisher learns that it is done, or that the upload is no more; nothing else.
    assert!(answers.iter().all(|status| matches!(status, 201 | 404 | 503)), "{answers:?}");
    assert!(v2.blob("app", &digest).await.body == bytes);
    assert_eq!((wharf.blob_files().len(), wharf.upload_files().len()), (1, 0));
}

async fn two_uploads_of_the_same_bytes_both_succeed(wharf: Wharf) {
    wharf.repository("app").await;
    wharf.repository("other").await;
    let (v2, bytes) = (wharf.v2().await, noise(4, MIB));
    let digest = digest(&bytes);
    let mut locations = Vec::new();
    for n in 0..8 {
        let location = v2.begin(if n % 2 == 0 { "app" } else { "other" }).await;
        assert_eq!(v2.patch(&location, bytes.clone()).await.status, 202);
        locations.push(location);
    }
    let finishing = locations.iter().map(|location| v2.finish(location, &digest, ""));
    for answer in join_all(finishing).await {
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    for repository in ["app", "other"] {
        assert!(v2.blob(repository, &digest).await.body == bytes);
    }
    assert_eq!((wharf.blob_files().len(), wharf.upload_files().len()), (1, 0));
}

/// Few bytes go from row to row.
async fn a_small_upload_costs_no_request_to_s3(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, s3) = (wharf.v2().await, wharf.s3().expect("the layers are in S3"));
    let kinds = [Kind::Put, Kind::Get, Kind::Head, Kind::Delete];
    let counts = || kinds.map(|kind| s3.count(kind));
    for (seed, size, expected) in [(60, 10, 0), (61, 16 * 1024, 0), (62, 16 * 1024 + 1, 1)] {
        let (bytes, before) = (noise(seed, size), counts());
        let digest = digest(&bytes);
        let patched = v2.patch(&v2.begin("app").await, bytes.clone()).await;
        is_created(&v2.finish(patched.header("location"), &digest, "").await, &digest);
        let spent: Vec<usize> = counts().iter().zip(before).map(|(now, was)| now - was).collect();
        // Put, and asked for its length.
        assert_eq!(spent, [expected, 0, expected, 0], "{size} bytes");
        assert!(v2.blob("app", &digest).await.body == bytes);
    }
}

#[test]
fn few_bytes_are_never_an_object() {
    wharf_testkit::run(Engine::Postgres, a_small_upload_costs_no_request_to_s3);
}
