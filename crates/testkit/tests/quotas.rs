//! Quotas and request rates: each with its error at both doors, and what is there goes on working.

use futures_util::future::join_all;
use serde_json::{Value, json};
use wharf_testkit::image::noise;
use wharf_testkit::{ACCOUNT, ApiError, Image, Manifest, Wharf, eventually, on_both};

on_both![
    a_registry_that_is_full_takes_no_further_repository,
    a_repository_that_is_full_takes_no_further_image,
    racing_pushes_do_not_get_past_the_quota,
    an_image_has_no_more_tags_than_the_quota,
    a_layer_has_no_more_parts_and_bytes_than_the_quota,
    who_asks_too_often_is_told_so_at_both_doors,
    without_rates_nobody_is_told_so,
];

fn limit(message: &str) -> ApiError {
    ApiError::plain("LimitExceededException", message)
}

async fn create(wharf: &Wharf, name: &str) -> Result<Value, ApiError> {
    wharf.api("CreateRepository", json!({ "repositoryName": name })).await
}

async fn a_registry_that_is_full_takes_no_further_repository(mut wharf: Wharf) {
    wharf.restart_with(&[("quota_repositories", "2")]).await;
    create(&wharf, "one").await.unwrap();
    create(&wharf, "two").await.unwrap();
    let full = limit(&format!(
        "The registry with id '{ACCOUNT}' already has the maximum allowed number of repositories \
         which is '2'"
    ));
    assert_eq!(create(&wharf, "three").await, Err(full));
    let told = create(&wharf, "two").await.unwrap_err();
    assert_eq!(told.code, "RepositoryAlreadyExistsException");
    let west = wharf.credentials().in_region("us-west-2");
    let input = json!({ "repositoryName": "three" });
    wharf.api_as(&west, "CreateRepository", input).await.unwrap();
    wharf.api("DeleteRepository", json!({ "repositoryName": "one" })).await.unwrap();
    create(&wharf, "three").await.unwrap();
}

async fn put_image(wharf: &Wharf, manifest: &Manifest, tag: &str) -> Result<Value, ApiError> {
    let input =
        json!({ "repositoryName": "app", "imageManifest": manifest.text(), "imageTag": tag });
    wharf.api("PutImage", input).await
}

async fn a_repository_that_is_full_takes_no_further_image(mut wharf: Wharf) {
    wharf.restart_with(&[("quota_images", "2")]).await;
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let images = ["one", "two", "three"].map(Image::of);
    for image in &images {
        v2.push_blobs("app", image).await;
    }
    v2.push_as("app", "one", &images[0]).await;
    put_image(&wharf, &images[1].manifest, "two").await.unwrap();
    let message = format!(
        "The repository with name 'app' in registry with id '{ACCOUNT}' already has the maximum \
         allowed number of images which is '2'"
    );
    let refused = put_image(&wharf, &images[2].manifest, "three").await;
    assert_eq!(refused, Err(limit(&message)));
    let refused = v2.put_manifest("app", "one", &images[2].manifest).await;
    refused.refuses(403, "DENIED", &message);
    v2.expect("app", "one", &images[0]).await;
    put_image(&wharf, &images[0].manifest, "again").await.unwrap();
    v2.push_manifest("app", "two", &images[0].manifest).await;
    assert_eq!(v2.delete(&format!("/v2/app/manifests/{}", images[1].digest())).await.status, 202);
    v2.push_as("app", "three", &images[2].clone()).await;
}

async fn racing_pushes_do_not_get_past_the_quota(mut wharf: Wharf) {
    wharf.restart_with(&[("quota_images", "5")]).await;
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let images: Vec<Image> = (0..12).map(|n| Image::of(&format!("racer {n}"))).collect();
    for image in &images {
        v2.push_blobs("app", image).await;
    }
    let pushes = images.iter().map(|image| {
        let digest = image.digest();
        let v2 = &v2;
        async move { v2.put_manifest("app", &digest, &image.manifest).await.status }
    });
    let told = join_all(pushes).await;
    assert_eq!(told.iter().filter(|status| **status == 201).count(), 5, "{told:?}");
    assert!(told.iter().all(|status| matches!(status, 201 | 403)), "{told:?}");
    let listed = wharf.api("ListImages", json!({ "repositoryName": "app" })).await.unwrap();
    assert_eq!(listed["imageIds"].as_array().unwrap().len(), 5);
}

async fn an_image_has_no_more_tags_than_the_quota(mut wharf: Wharf) {
    wharf.restart_with(&[("quota_tags", "2")]).await;
    wharf.repository("app").await;
    let (v2, image, other) = (wharf.v2().await, Image::of("app"), Image::of("other"));
    v2.push_as("app", "one", &image).await;
    v2.push_as("app", "three", &other).await;
    put_image(&wharf, &image.manifest, "two").await.unwrap();
    let message = format!(
        "Adding tag 'three' to an image in the repository with name 'app' in registry with id \
         '{ACCOUNT}' exceeds the maximum allowed number of tags per image which is '2'"
    );
    assert_eq!(put_image(&wharf, &image.manifest, "three").await, Err(limit(&message)));
    let refused = v2.put_manifest("app", "three", &image.manifest).await;
    refused.refuses(403, "DENIED", &message);
    v2.expect("app", "three", &other).await;
    v2.push_manifest("app", "two", &image.manifest).await;
    let path = format!("/v2/app/manifests/{}?tag=one&tag=two&tag=two", image.digest());
    let headers = [("content-type", image.manifest.media_type.as_str())];
    let body = wharf_testkit::http::whole(image.manifest.bytes.clone());
    let both = v2.send(http::Method::PUT, &path, &headers, body).await;
    assert_eq!(both.status, 201, "what is there already is not added: {}", both.text());
    v2.push_manifest("app", "two", &other.manifest).await;
    put_image(&wharf, &image.manifest, "three").await.unwrap();
}

async fn a_layer_has_no_more_parts_and_bytes_than_the_quota(mut wharf: Wharf) {
    wharf.restart_with(&[("quota_layer_parts", "2"), ("quota_layer_size", "1")]).await;
    wharf.repository("app").await;
    let begun = wharf.api("InitiateLayerUpload", json!({ "repositoryName": "app" })).await.unwrap();
    let upload = begun["uploadId"].as_str().unwrap();
    let part = |at: u64| {
        json!({ "repositoryName": "app", "uploadId": upload, "partFirstByte": at,
            "partLastByte": at, "layerPartBlob": "AA==" })
    };
    wharf.api("UploadLayerPart", part(0)).await.unwrap();
    wharf.api("UploadLayerPart", part(1)).await.unwrap();
    let message = format!(
        "The upload with id '{upload}' already has the maximum number of layer parts which is '2'"
    );
    assert_eq!(wharf.api("UploadLayerPart", part(2)).await, Err(limit(&message)));
    let v2 = wharf.v2().await;
    let exact = v2.push_blob("app", noise(1, 1 << 20)).await;
    assert_eq!(v2.head(&format!("/v2/app/blobs/{exact}")).await.status, 200);
    let larger = v2.patch(&v2.begin("app").await, noise(2, (1 << 20) + 1)).await;
    let message = "The layer exceeds the maximum allowed layer size which is '1' MiB";
    larger.refuses(403, "DENIED", message);
}

async fn who_asks_too_often_is_told_so_at_both_doors(mut wharf: Wharf) {
    let tenant = wharf.second_account("999999999999").await;
    wharf.restart_with(&[("rate_limits", "ecr, BatchGetImage=1")]).await;
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let input = json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "v1" }] });
    // One a second, so of so many at once not all can pass, however slow the machine.
    let calls = (0..40).map(|_| wharf.api("BatchGetImage", input.clone()));
    let told = join_all(calls).await;
    let throttled = ApiError::plain("ThrottlingException", "Rate exceeded");
    assert!(told.contains(&Err(throttled)), "nobody was told so");
    let pulls = (0..40).map(|_| v2.manifest("app", "v1"));
    let told = join_all(pulls).await;
    let refused = told.iter().find(|answer| answer.status != 200).expect("one is refused");
    refused.refuses(429, "TOOMANYREQUESTS", "Rate exceeded");
    // Another action, and another account.
    wharf.api("DescribeImages", json!({ "repositoryName": "app" })).await.unwrap();
    wharf.api_as(&tenant, "CreateRepository", json!({ "repositoryName": "app" })).await.unwrap();
    let told = wharf.api_as(&tenant, "BatchGetImage", input.clone()).await.unwrap();
    assert_eq!(told["failures"][0]["failureCode"], "ImageNotFound");
    eventually("the rate is kept again", async || {
        wharf.api("BatchGetImage", input.clone()).await.ok()
    })
    .await;
}

async fn without_rates_nobody_is_told_so(wharf: Wharf) {
    wharf.repository("app").await;
    let image = Image::of("app");
    wharf.v2().await.push_blobs("app", &image).await;
    for n in 0..30 {
        put_image(&wharf, &image.manifest, &format!("v{n}")).await.unwrap();
    }
}
