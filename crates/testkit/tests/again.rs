//! Requests that a client repeats because it did not get their answer: under `/v2/`. Those of the ECR
//! API are in `parts`.

use std::path::PathBuf;

use bytes::Bytes;
use http::Method;
use wharf_testkit::http::{Response, break_off, whole};
use wharf_testkit::image::{digest, noise};
use wharf_testkit::v2::with_digest;
use wharf_testkit::{Wharf, eventually, on_both};

on_both![
    a_whole_blob_is_sent_again_where_it_broke_off,
    a_whole_blob_is_sent_again_behind_its_row,
    an_end_is_told_again,
];

const MIB: usize = 1024 * 1024;

#[track_caller]
fn is_created(response: &Response, digest: &str) {
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(response.header("docker-content-digest"), digest);
}

/// As containerd, oras and regctl do after a 503 or a broken connection: the same request once more.
async fn a_whole_blob_is_sent_again_where_it_broke_off(mut wharf: Wharf) {
    wharf.repository("app").await;
    for (seed, size) in [(30, MIB), (31, 12 * MIB)] {
        for restarts in [false, true] {
            let (v2, bytes) = (wharf.v2().await, noise(seed, size + usize::from(restarts)));
            let (location, digest) = (v2.begin("app").await, digest(&bytes));
            let head = format!(
                "PUT {} HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n",
                with_digest(&location, &digest),
                wharf.address,
                v2.authorization(),
                bytes.len()
            );
            break_off(wharf.address, &[head.as_bytes(), &bytes[..size / 2]].concat()).await;
            eventually("what arrived is given up", async || {
                (v2.get(&location).await.header("range") == "0-0").then_some(())
            })
            .await;
            if restarts {
                wharf.restart().await;
            }
            let v2 = wharf.v2().await;
            is_created(&v2.finish(&location, &digest, bytes.clone()).await, &digest);
            assert!(v2.blob("app", &digest).await.body == bytes);
        }
    }
    assert_eq!(wharf.upload_files(), [] as [PathBuf; 0]);
}

/// All bytes have their row, and the layer has none: as after a kill in between.
async fn a_whole_blob_is_sent_again_behind_its_row(mut wharf: Wharf) {
    wharf.repository("app").await;
    for (seed, size) in [(40, MIB), (41, 12 * MIB)] {
        let (v2, bytes) = (wharf.v2().await, noise(seed, size));
        let (location, digest) = (v2.begin("app").await, digest(&bytes));
        let patched = v2.patch(&location, bytes.clone()).await;
        assert_eq!(patched.status, 202, "{}", patched.text());
        wharf.restart().await;
        let v2 = wharf.v2().await;
        let longer = [&bytes[..], b"x"].concat();
        v2.finish(&location, &digest, longer).await.refuses_with(400, "DIGEST_INVALID");
        if seed == 40 {
            is_created(&v2.finish(&location, &digest, bytes.clone()).await, &digest);
        } else {
            // Its last chunk is sent again.
            let range = format!("{}-{}", size - 100, size - 1);
            let headers = [("content-range", range.as_str())];
            let path = with_digest(patched.header("location"), &digest);
            let last = whole(bytes.slice(size - 100..));
            is_created(&v2.send(Method::PUT, &path, &headers, last).await, &digest);
        }
        assert!(v2.blob("app", &digest).await.body == bytes);
    }
    assert_eq!((wharf.blob_files().len(), wharf.upload_files().len()), (2, 0));
}

async fn an_end_is_told_again(mut wharf: Wharf) {
    wharf.repository("app").await;
    wharf.repository("other").await;
    let (v2, bytes) = (wharf.v2().await, noise(50, 3 * MIB));
    let (location, digest) = (v2.begin("app").await, digest(&bytes));
    is_created(&v2.finish(&location, &digest, bytes.clone()).await, &digest);
    for restarts in 0..2 {
        let v2 = wharf.v2().await;
        for rest in [Bytes::new(), bytes.slice(MIB..), bytes.clone()] {
            is_created(&v2.finish(&location, &digest, rest).await, &digest);
        }
        let longer = [&bytes[..], b"x"].concat();
        v2.finish(&location, &digest, longer).await.refuses_with(400, "DIGEST_INVALID");
        let elsewhere = location.replace("/app/", "/other/");
        let refused = v2.finish(&elsewhere, &digest, "").await;
        refused.refuses_with(404, "BLOB_UPLOAD_UNKNOWN");
        if restarts == 0 {
            wharf.restart().await;
        }
    }
}
