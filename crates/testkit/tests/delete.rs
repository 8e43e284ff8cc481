//! Deleting: what goes, what stays, and what must not go.

use serde_json::{Value, json};
use wharf_testkit::image::digest;
use wharf_testkit::{ACCOUNT, ApiError, Image, Manifest, V2, Wharf, on_both};

on_both![
    a_deleted_tag_leaves_the_image,
    a_deleted_image_takes_its_tags_along,
    a_child_of_an_index_is_refused_until_the_index_is_gone,
    a_blob_in_use_is_refused_and_one_of_no_use_goes,
    batch_delete_image_answers_as_ecr_does,
    parent_and_child_go_in_one_call,
    what_is_not_there_cannot_be_deleted,
    a_repository_with_images_goes_only_by_force,
    a_repository_made_anew_is_empty,
];

async fn multi(wharf: &Wharf) -> (V2, Image, Manifest) {
    wharf.repository("app").await;
    let (v2, child) = (wharf.v2().await, Image::of("child"));
    let index = Manifest::index(&[&child.manifest]);
    v2.push("app", &child).await;
    v2.push_manifest("app", "multi", &index).await;
    (v2, child, index)
}

async fn batch_delete(wharf: &Wharf, ids: Value) -> Value {
    let input = json!({ "repositoryName": "app", "imageIds": ids });
    wharf.api("BatchDeleteImage", input).await.unwrap()
}

async fn a_deleted_tag_leaves_the_image(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    assert_eq!(v2.delete("/v2/app/manifests/v1").await.status, 202);
    v2.manifest("app", "v1").await.refuses_with(404, "MANIFEST_UNKNOWN");
    v2.expect("app", &image.digest(), &image).await;
}

async fn a_deleted_image_takes_its_tags_along(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image, other) = (wharf.v2().await, Image::of("app"), Image::of("other"));
    v2.push_as("app", "v1", &image).await;
    v2.push_as("app", "v2", &image).await;
    v2.push_as("app", "other", &other).await;
    let path = format!("/v2/app/manifests/{}", image.digest());
    assert_eq!(v2.delete(&path).await.status, 202);
    for reference in ["v1", "v2", &image.digest()] {
        v2.manifest("app", reference).await.refuses_with(404, "MANIFEST_UNKNOWN");
    }
    v2.expect("app", "other", &other).await;
    v2.push_as("app", "v1", &image).await;
    v2.expect("app", "v1", &image).await;
}

async fn a_child_of_an_index_is_refused_until_the_index_is_gone(wharf: Wharf) {
    let (v2, child, index) = multi(&wharf).await;
    let path = format!("/v2/app/manifests/{}", child.digest());
    let message = format!("Requested image referenced by manifest list: [{}]", index.digest());
    v2.delete(&path).await.refuses(405, "UNSUPPORTED", &message);
    let kept = batch_delete(&wharf, json!([{ "imageDigest": child.digest() }])).await;
    let failure = json!([{
        "imageId": { "imageDigest": child.digest() },
        "failureCode": "ImageReferencedByManifestList",
        "failureReason": message,
    }]);
    assert_eq!(kept, json!({ "imageIds": [], "failures": failure }));
    v2.push_manifest("app", "child", &child.manifest).await;
    let kept = batch_delete(&wharf, json!([{ "imageTag": "child" }])).await;
    assert_eq!(kept["failures"][0]["failureCode"], "ImageReferencedByManifestList", "{kept}");
    v2.expect("app", "child", &child).await;
    assert_eq!(v2.delete(&format!("/v2/app/manifests/{}", index.digest())).await.status, 202);
    assert_eq!(v2.delete(&path).await.status, 202);
}

async fn a_blob_in_use_is_refused_and_one_of_no_use_goes(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    for blob in image.blobs() {
        let path = format!("/v2/app/blobs/{}", digest(blob));
        v2.delete(&path).await.refuses_with(405, "UNSUPPORTED");
    }
    v2.expect("app", "v1", &image).await;
    let free = v2.push_blob("app", "of no use").await;
    assert_eq!(v2.delete(&format!("/v2/app/blobs/{free}")).await.status, 202);
    v2.blob("app", &free).await.refuses_with(404, "BLOB_UNKNOWN");
    v2.delete(&format!("/v2/app/blobs/{free}")).await.refuses_with(404, "BLOB_UNKNOWN");
    v2.delete(&format!("/v2/app/manifests/{}", image.digest())).await;
    for blob in image.blobs() {
        let path = format!("/v2/app/blobs/{}", digest(blob));
        assert_eq!(v2.delete(&path).await.status, 202);
    }
}

async fn batch_delete_image_answers_as_ecr_does(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let (one, two, three) = (Image::of("one"), Image::of("two"), Image::of("three"));
    for (tag, image) in [("a", &one), ("b", &one), ("c", &two), ("d", &two)] {
        v2.push_as("app", tag, image).await;
    }
    v2.push("app", &three).await;
    let (d1, d2, d3) = (one.digest(), two.digest(), three.digest());
    let reason = "Requested image not found";
    let mismatch = batch_delete(&wharf, json!([{ "imageTag": "a", "imageDigest": d2 }])).await;
    assert_eq!(mismatch["failures"][0]["failureCode"], "ImageTagDoesNotMatchDigest");
    let gone = batch_delete(&wharf, json!([{ "imageTag": "a", "imageDigest": d1 }])).await;
    assert_eq!(gone["imageIds"], json!([{ "imageTag": "a", "imageDigest": d1 }]));
    let gone = batch_delete(&wharf, json!([{ "imageTag": "b" }])).await;
    assert_eq!(gone["imageIds"], json!([{ "imageTag": "b", "imageDigest": d1 }]));
    assert_eq!(v2.manifest("app", &d1).await.status, 404, "the image goes with its last tag");
    let gone = batch_delete(&wharf, json!([{ "imageDigest": d2 }, { "imageDigest": d3 }])).await;
    let expected = json!([
        { "imageTag": "c", "imageDigest": d2 },
        { "imageTag": "d", "imageDigest": d2 },
        { "imageDigest": d3 },
    ]);
    assert_eq!(gone, json!({ "imageIds": expected, "failures": [] }));
    let ids =
        json!([{ "imageTag": "c" }, { "imageDigest": d3 }, {}, { "imageDigest": "sha256:1" }]);
    let none = batch_delete(&wharf, ids).await;
    let codes: Vec<_> = none["failures"].as_array().unwrap().iter().collect();
    let code = |n: usize| codes[n]["failureCode"].as_str().unwrap();
    let mut told: Vec<&str> = (0..codes.len()).map(code).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        ["ImageNotFound", "ImageNotFound", "InvalidImageDigest", "MissingDigestAndTag"]
    );
    assert!(codes.iter().any(|failure| failure["failureReason"] == reason));
}

async fn parent_and_child_go_in_one_call(wharf: Wharf) {
    let (v2, child, index) = multi(&wharf).await;
    let (parent, child) = (index.digest(), child.digest());
    let ids = json!([{ "imageDigest": parent }, { "imageDigest": child }]);
    let gone = batch_delete(&wharf, ids).await;
    let expected =
        json!([{ "imageTag": "multi", "imageDigest": parent }, { "imageDigest": child }]);
    assert_eq!(gone, json!({ "imageIds": expected, "failures": [] }));
    assert_eq!(v2.manifest("app", &child).await.status, 404);
}

async fn what_is_not_there_cannot_be_deleted(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    for reference in ["none", &digest(b"none")] {
        let refused = v2.delete(&format!("/v2/app/manifests/{reference}")).await;
        refused.refuses(404, "MANIFEST_UNKNOWN", "Requested image not found");
    }
    let refused = v2.delete(&format!("/v2/app/blobs/{}", digest(b"none"))).await;
    refused.refuses_with(404, "BLOB_UNKNOWN");
    v2.delete("/v2/ghost/manifests/v1").await.refuses_with(404, "NAME_UNKNOWN");
    v2.delete("/v2/app/manifests/sha256:1").await.refuses_with(400, "DIGEST_INVALID");
    v2.delete("/v2/app/tags/list").await.refuses_with(405, "UNSUPPORTED");
}

async fn a_repository_with_images_goes_only_by_force(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push("app", &image).await;
    let message = format!(
        "The repository with name 'app' in registry with id '{ACCOUNT}' cannot be deleted because \
         it still contains images"
    );
    let input = json!({ "repositoryName": "app" });
    for input in [input.clone(), json!({ "repositoryName": "app", "force": false })] {
        let refused = wharf.api("DeleteRepository", input).await;
        assert_eq!(refused, Err(ApiError::plain("RepositoryNotEmptyException", &message)));
    }
    v2.expect("app", &image.digest(), &image).await;
    let input = json!({ "repositoryName": "app", "force": true });
    let gone = wharf.api("DeleteRepository", input).await.unwrap();
    assert_eq!(gone["repository"]["repositoryName"], "app");
    v2.manifest("app", &image.digest()).await.refuses_with(404, "NAME_UNKNOWN");
}

async fn a_repository_made_anew_is_empty(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    v2.expect("app", "v1", &image).await;
    let input = json!({ "repositoryName": "app", "force": true });
    wharf.api("DeleteRepository", input).await.unwrap();
    wharf.repository("app").await;
    assert_eq!(v2.manifest("app", "v1").await.status, 404);
    assert_eq!(v2.blob("app", &digest(&image.config)).await.status, 404);
    assert_eq!(v2.get("/v2/app/tags/list").await.json()["tags"], json!([]));
    v2.put_manifest("app", "v1", &image.manifest).await.refuses_with(404, "MANIFEST_BLOB_UNKNOWN");
}
