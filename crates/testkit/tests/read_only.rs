//! A read-only registry: pulls go on, every change is refused with words that say why, and nothing
//! is written.

use serde_json::{Value, json};
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{ACCOUNT, Image, REGION, Wharf, on_both};

on_both![
    pulls_go_on,
    every_change_is_refused_at_both_doors,
    whoever_may_not_is_refused_as_ever,
    the_time_of_a_pull_is_not_written,
];

const TOLD: &str = "The registry is read-only at the moment, for a move or a backup: pulls go on, \
                    nothing can be pushed, changed or deleted. Try again later";

async fn read_only(wharf: &mut Wharf) -> Image {
    wharf.repository("app").await;
    wharf.repository("other").await;
    let image = Image::recipe().layer(noise(1, 100_000)).build();
    wharf.v2().await.push_as("app", "v1", &image).await;
    wharf.restart_with(&[("read_only", "on")]).await;
    image
}

async fn pulls_go_on(mut wharf: Wharf) {
    let image = read_only(&mut wharf).await;
    let v2 = wharf.v2().await;
    v2.expect("app", "v1", &image).await;
    let path = format!("/v2/app/blobs/{}", digest(&image.layers[0]));
    assert_eq!(v2.head(&path).await.status, 200);
    assert_eq!(v2.get("/v2/_catalog").await.status, 200);
    assert_eq!(v2.get("/v2/app/tags/list").await.status, 200);
    assert_eq!(wharf.fetch(&format!("http://{}/readyz", wharf.address)).await.status, 200);
    for (operation, input) in [
        ("DescribeRepositories", json!({})),
        ("DescribeImages", json!({ "repositoryName": "app" })),
        ("ListImages", json!({ "repositoryName": "app" })),
        ("BatchGetImage", json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "v1" }] })),
    ] {
        wharf.api(operation, input).await.unwrap();
    }
}

/// Operations of the API that change nothing.
const READING: &[&str] = &[
    "BatchCheckLayerAvailability",
    "BatchGetImage",
    "DescribeImages",
    "DescribeRegistry",
    "DescribeRepositories",
    "GetAccountSetting",
    "GetAuthorizationToken",
    "GetDownloadUrlForLayer",
    "GetRegistryPolicy",
    "GetRepositoryPolicy",
    "ListImageReferrers",
    "ListImages",
    "ListTagsForResource",
];

fn input(operation: &str, image: &Image) -> Value {
    let upload = "11111111-1111-4111-8111-111111111111";
    let digest = digest(&image.layers[0]);
    let arn = format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app");
    let mut input = match operation {
        "BatchDeleteImage" => json!({ "imageIds": [{ "imageTag": "v1" }] }),
        "CompleteLayerUpload" => json!({ "uploadId": upload, "layerDigests": [digest] }),
        "PutAccountSetting" => json!({ "name": "BLOB_MOUNTING", "value": "DISABLED" }),
        "PutImageTagMutability" => json!({ "imageTagMutability": "IMMUTABLE" }),
        "PutRegistryPolicy" | "SetRepositoryPolicy" => json!({ "policyText": "{}" }),
        "TagResource" => json!({ "resourceArn": arn, "tags": [{ "Key": "k", "Value": "v" }] }),
        "UntagResource" => json!({ "resourceArn": arn, "tagKeys": ["k"] }),
        "PutImage" => json!({ "imageManifest": image.manifest.text(), "imageTag": "v2" }),
        "UploadLayerPart" => json!({
            "uploadId": upload, "partFirstByte": 0, "partLastByte": 2, "layerPartBlob": "AAAA",
        }),
        _ => json!({}),
    };
    input["repositoryName"] = "app".into();
    input
}

async fn every_change_is_refused_at_both_doors(mut wharf: Wharf) {
    let image = read_only(&mut wharf).await;
    let changing = wharf_api::ECR.iter().filter(|entry| !READING.contains(&entry.name));
    for entry in changing {
        let refused = wharf.api(entry.name, input(entry.name, &image)).await.err();
        let refused = refused.unwrap_or_else(|| panic!("{} was done", entry.name));
        assert_eq!(
            (refused.code.as_str(), refused.status),
            ("ServiceUnavailable", 503),
            "{refused}"
        );
        assert_eq!(refused.message, TOLD, "{}", entry.name);
    }
    let v2 = wharf.v2().await;
    let (blob, manifest) = (digest(&image.layers[0]), image.digest());
    let upload = "/v2/app/blobs/uploads/11111111-1111-4111-8111-111111111111";
    for refused in [
        v2.post("/v2/app/blobs/uploads/", "").await,
        v2.post(&format!("/v2/app/blobs/uploads/?digest={}", digest(b"x")), "x").await,
        v2.post(&format!("/v2/other/blobs/uploads/?mount={blob}&from=app"), "").await,
        v2.patch(upload, "x").await,
        v2.put(&format!("{upload}?digest={}", digest(b"x")), "x").await,
        v2.delete(upload).await,
        v2.put_manifest("app", "v2", &image.manifest).await,
        v2.delete("/v2/app/manifests/v1").await,
        v2.delete(&format!("/v2/app/manifests/{manifest}")).await,
        v2.delete(&format!("/v2/app/blobs/{blob}")).await,
    ] {
        refused.refuses(405, "UNSUPPORTED", TOLD);
    }
    wharf.restart().await;
    let v2 = wharf.v2().await;
    v2.expect("app", "v1", &image).await;
    assert_eq!(v2.get(&format!("/v2/other/blobs/{blob}")).await.status, 404);
    assert_eq!(v2.manifest("app", "v2").await.status, 404);
}

/// The decision comes first, so that nobody learns more than they may.
async fn whoever_may_not_is_refused_as_ever(mut wharf: Wharf) {
    read_only(&mut wharf).await;
    let refused = wharf.anonymous().post("/v2/app/blobs/uploads/", "").await;
    assert_eq!(refused.status, 401);
}

async fn the_time_of_a_pull_is_not_written(mut wharf: Wharf) {
    let image = read_only(&mut wharf).await;
    wharf.v2().await.expect("app", "v1", &image).await;
    // A stop writes what was noted.
    wharf.restart().await;
    let described = wharf.api("DescribeImages", json!({ "repositoryName": "app" })).await.unwrap();
    let detail = &described["imageDetails"][0];
    assert!(detail["imageDigest"].is_string() && detail["lastRecordedPullTime"].is_null());
}
