//! The API's own layer upload: parts in order, none too small, one digest right.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{ACCOUNT, ApiError, Wharf, on_both};

on_both![
    parts_become_a_layer,
    parts_survive_a_restart,
    a_part_out_of_place_is_told_the_last_valid_byte,
    a_small_part_before_the_last_is_refused_at_the_end,
    a_layer_that_is_there_is_told_so_after_the_digest_check,
    an_upload_without_parts_is_empty,
    a_wrong_digest_ends_the_upload,
    an_upload_is_spent_once_it_is_complete,
    a_lost_answer_is_told_again_as_it_was,
    an_unknown_upload_is_told_by_its_id,
    availability_is_told_for_each_digest_by_itself,
];

const MIB: usize = 1024 * 1024;

async fn begin(wharf: &Wharf) -> String {
    let begun = wharf.api("InitiateLayerUpload", json!({ "repositoryName": "app" })).await.unwrap();
    assert_eq!(begun["partSize"], 10 * MIB);
    begun["uploadId"].as_str().unwrap().to_owned()
}

async fn part(wharf: &Wharf, id: &str, first: usize, bytes: &Bytes) -> Result<Value, ApiError> {
    let input = json!({
        "repositoryName": "app",
        "uploadId": id,
        "partFirstByte": first,
        "partLastByte": first + bytes.len() - 1,
        "layerPartBlob": STANDARD.encode(bytes),
    });
    wharf.api("UploadLayerPart", input).await
}

async fn complete(wharf: &Wharf, id: &str, digests: &[String]) -> Result<Value, ApiError> {
    let input = json!({ "repositoryName": "app", "uploadId": id, "layerDigests": digests });
    wharf.api("CompleteLayerUpload", input).await
}

fn unknown(id: &str) -> ApiError {
    let message = format!(
        "Upload with id '{id}' could not be found for the repository with name 'app' in the \
         registry with id '{ACCOUNT}'"
    );
    ApiError::plain("UploadNotFoundException", &message)
}

async fn parts_become_a_layer(wharf: Wharf) {
    wharf.repository("app").await;
    let (bytes, five) = (noise(1, 5 * MIB + 99), 5 * MIB);
    let id = begin(&wharf).await;
    let told = part(&wharf, &id, 0, &bytes.slice(..five)).await.unwrap();
    let expected = json!({
        "registryId": ACCOUNT,
        "repositoryName": "app",
        "uploadId": id,
        "lastByteReceived": five - 1,
    });
    assert_eq!(told, expected);
    part(&wharf, &id, five, &bytes.slice(five..)).await.unwrap();
    let digests = [digest(b"another"), digest(&bytes)];
    let done = complete(&wharf, &id, &digests).await.unwrap();
    assert_eq!(done["layerDigest"], digest(&bytes));
    assert!(wharf.v2().await.blob("app", &digest(&bytes)).await.body == bytes);
}

async fn parts_survive_a_restart(mut wharf: Wharf) {
    wharf.repository("app").await;
    let (bytes, five) = (noise(2, 5 * MIB + 1), 5 * MIB);
    let id = begin(&wharf).await;
    wharf.restart().await;
    part(&wharf, &id, 0, &bytes.slice(..five)).await.unwrap();
    wharf.restart().await;
    part(&wharf, &id, five, &bytes.slice(five..)).await.unwrap();
    wharf.restart().await;
    complete(&wharf, &id, &[digest(&bytes)]).await.unwrap();
    assert!(wharf.v2().await.blob("app", &digest(&bytes)).await.body == bytes);
}

async fn a_part_out_of_place_is_told_the_last_valid_byte(wharf: Wharf) {
    wharf.repository("app").await;
    let id = begin(&wharf).await;
    let bytes = noise(3, 1000);
    let refusal = |last: Option<u64>| {
        let message = format!(
            "Invalid layer part upload for upload with id '{id}' in the repository with name 'app' \
             in the registry with id '{ACCOUNT}'"
        );
        let mut error = ApiError::plain("InvalidLayerPartException", &message);
        let mut extra = json!({ "registryId": ACCOUNT, "repositoryName": "app", "uploadId": id });
        if let Some(last) = last {
            extra["lastValidByteReceived"] = last.into();
        }
        error.extra = extra.as_object().unwrap().clone();
        Err(error)
    };
    assert_eq!(part(&wharf, &id, 1, &bytes).await, refusal(None));
    part(&wharf, &id, 0, &bytes).await.unwrap();
    for first in [0, 999, 1001, 1 << 40] {
        assert_eq!(part(&wharf, &id, first, &bytes).await, refusal(Some(999)), "{first}");
    }
    for (first, last) in [(1000, 1000), (1000, 5000), (1000, 0)] {
        let input = json!({ "repositoryName": "app", "uploadId": id, "partFirstByte": first,
            "partLastByte": last, "layerPartBlob": STANDARD.encode(&bytes) });
        let refused = wharf.api("UploadLayerPart", input).await;
        assert_eq!(refused, refusal(Some(999)), "{first}-{last}");
    }
}

async fn a_small_part_before_the_last_is_refused_at_the_end(wharf: Wharf) {
    wharf.repository("app").await;
    let id = begin(&wharf).await;
    let bytes = noise(4, 2000);
    part(&wharf, &id, 0, &bytes.slice(..1000)).await.unwrap();
    part(&wharf, &id, 1000, &bytes.slice(1000..)).await.unwrap();
    let message = "All layer parts except the last part should be at least 5MB";
    let refused = complete(&wharf, &id, &[digest(&bytes)]).await;
    assert_eq!(refused, Err(ApiError::plain("LayerPartTooSmallException", message)));
    assert_eq!(wharf.v2().await.blob("app", &digest(&bytes)).await.status, 404);
}

async fn a_layer_that_is_there_is_told_so_after_the_digest_check(wharf: Wharf) {
    wharf.repository("app").await;
    wharf.repository("other").await;
    let v2 = wharf.v2().await;
    for size in [500, 100_000] {
        let bytes = noise(5, size);
        let there = digest(&bytes);
        v2.push_blob("other", bytes.clone()).await;
        for round in 0..2 {
            let id = begin(&wharf).await;
            part(&wharf, &id, 0, &bytes).await.unwrap();
            let told = complete(&wharf, &id, std::slice::from_ref(&there)).await;
            let message = format!(
                "The layer with digest '{there}' already exists in the repository with name 'app' \
                 in the registry with id '{ACCOUNT}'"
            );
            match round {
                0 => assert_eq!(told.unwrap()["layerDigest"], there, "held elsewhere only"),
                _ => {
                    assert_eq!(told, Err(ApiError::plain("LayerAlreadyExistsException", &message)))
                }
            }
        }
        assert!(v2.blob("app", &there).await.body == bytes);
    }
}

async fn an_upload_without_parts_is_empty(wharf: Wharf) {
    wharf.repository("app").await;
    let id = begin(&wharf).await;
    let refused = complete(&wharf, &id, &[digest(b"")]).await.unwrap_err();
    assert_eq!(refused.code, "EmptyUploadException");
}

async fn a_wrong_digest_ends_the_upload(wharf: Wharf) {
    wharf.repository("app").await;
    let id = begin(&wharf).await;
    part(&wharf, &id, 0, &noise(6, 100)).await.unwrap();
    let refused = complete(&wharf, &id, &[digest(b"wrong"), digest(b"too")]).await;
    let message = "None of the provided layer digests match the calculated layer digest";
    assert_eq!(refused, Err(ApiError::plain("InvalidLayerException", message)));
    assert_eq!(complete(&wharf, &id, &[digest(b"wrong")]).await, Err(unknown(&id)));
    assert_eq!(wharf.stored_files().len(), 0);
}

async fn an_upload_is_spent_once_it_is_complete(wharf: Wharf) {
    wharf.repository("app").await;
    let id = begin(&wharf).await;
    let bytes = noise(7, 100);
    part(&wharf, &id, 0, &bytes).await.unwrap();
    complete(&wharf, &id, &[digest(&bytes)]).await.unwrap();
    assert_eq!(complete(&wharf, &id, &[digest(b"another")]).await, Err(unknown(&id)));
    assert_eq!(part(&wharf, &id, 100, &bytes).await, Err(unknown(&id)));
}

async fn a_lost_answer_is_told_again_as_it_was(mut wharf: Wharf) {
    wharf.repository("app").await;
    wharf.repository("other").await;
    let bytes = noise(8, 100_000);
    let digests = [digest(b"another"), digest(&bytes)];
    for is_new in [true, false] {
        let id = begin(&wharf).await;
        part(&wharf, &id, 0, &bytes).await.unwrap();
        // The end comes later than the layer that was there.
        wharf.clock.advance(std::time::Duration::from_secs(1));
        let told = complete(&wharf, &id, &digests).await;
        assert_eq!(told.is_ok(), is_new, "{told:?}");
        for _ in 0..2 {
            assert_eq!(complete(&wharf, &id, &digests).await, told);
            wharf.restart().await;
        }
        let input = json!({ "repositoryName": "other", "uploadId": id, "layerDigests": digests });
        let elsewhere = wharf.api("CompleteLayerUpload", input).await.unwrap_err();
        assert_eq!(elsewhere.code, "UploadNotFoundException");
    }
}

async fn an_unknown_upload_is_told_by_its_id(wharf: Wharf) {
    wharf.repository("app").await;
    wharf.repository("other").await;
    let ghost = "6a1c9e64-0000-4000-8000-0123456789ab";
    assert_eq!(part(&wharf, ghost, 0, &noise(1, 10)).await, Err(unknown(ghost)));
    assert_eq!(complete(&wharf, ghost, &[digest(b"x")]).await, Err(unknown(ghost)));
    let id = begin(&wharf).await;
    let input =
        json!({ "repositoryName": "other", "uploadId": id, "layerDigests": [digest(b"x")] });
    let refused = wharf.api("CompleteLayerUpload", input).await.unwrap_err();
    assert_eq!(refused.code, "UploadNotFoundException");
}

async fn availability_is_told_for_each_digest_by_itself(wharf: Wharf) {
    wharf.repository("app").await;
    let held = wharf.v2().await.push_blob("app", "held").await;
    let absent = digest(b"absent");
    let input = json!({ "repositoryName": "app", "layerDigests": [held, absent, "latest", ""] });
    let told = wharf.api("BatchCheckLayerAvailability", input).await.unwrap();
    let expected = json!({
        "layers": [
            { "layerDigest": held, "layerAvailability": "AVAILABLE", "layerSize": 4 },
            { "layerDigest": absent, "layerAvailability": "UNAVAILABLE" },
        ],
        "failures": [
            { "layerDigest": "latest", "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid layer digest 'latest'" },
            { "layerDigest": "", "failureCode": "MissingLayerDigest",
                "failureReason": "Layer digest '' could not be found" },
        ],
    });
    assert_eq!(told, expected);
}
