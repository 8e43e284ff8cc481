//! Pulling: manifests and blobs, by tag and by digest, whole, and nothing that is not there.

use http::Method;
use serde_json::json;
use std::time::Duration;
use wharf_testkit::http::whole;
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{ACCOUNT, Image, Wharf, eventually, on_both};

on_both![
    head_tells_what_get_gives,
    accept_never_rewrites_a_manifest,
    a_large_blob_comes_back_whole,
    everything_is_there_after_a_restart,
    what_is_not_there_is_told_as_ecr_tells_it,
    a_blob_of_another_repository_is_not_there,
    a_pull_is_recorded_once_an_interval_and_a_head_never,
    batch_get_image_answers_each_id_by_itself,
];

async fn head_tells_what_get_gives(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let paths = [
        "/v2/app/manifests/v1".to_owned(),
        format!("/v2/app/manifests/{}", image.digest()),
        format!("/v2/app/blobs/{}", digest(&image.layers[0])),
        format!("/v2/app/blobs/{}", digest(&image.config)),
    ];
    for path in paths {
        let (head, get) = (v2.head(&path).await, v2.get(&path).await);
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        for name in ["content-type", "content-length", "docker-content-digest"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        assert_eq!(get.header("docker-content-digest"), digest(&get.body), "{path}");
    }
}

async fn accept_never_rewrites_a_manifest(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::recipe().docker().layer("x").build());
    v2.push_as("app", "v1", &image).await;
    for accept in [wharf_oci::media_type::OCI_MANIFEST, "application/json", "*/*", "nonsense"] {
        let headers = [("accept", accept)];
        let pulled = v2.send(Method::GET, "/v2/app/manifests/v1", &headers, whole("")).await;
        assert_eq!(pulled.body, image.manifest.bytes, "{accept}");
        assert_eq!(pulled.header("content-type"), image.manifest.media_type, "{accept}");
    }
}

async fn a_large_blob_comes_back_whole(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, bytes) = (wharf.v2().await, noise(1, 9 * 1024 * 1024 + 7));
    let digest = v2.push_blob("app", bytes.clone()).await;
    let pulled = v2.blob("app", &digest).await;
    assert_eq!((pulled.status, pulled.header("content-type")), (200, "application/octet-stream"));
    assert!(pulled.body == bytes);
}

async fn everything_is_there_after_a_restart(mut wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let before = wharf.api("DescribeRepositories", json!({})).await.unwrap();
    wharf.restart().await;
    let mut after = wharf.api("DescribeRepositories", json!({})).await.unwrap();
    // The port is another one.
    after["repositories"][0]["repositoryUri"] = before["repositories"][0]["repositoryUri"].clone();
    assert_eq!(after, before);
    wharf.v2().await.expect("app", "v1", &image).await;
}

async fn what_is_not_there_is_told_as_ecr_tells_it(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, absent) = (wharf.v2().await, digest(b"absent"));
    for reference in ["none", &absent] {
        let found = v2.manifest("app", reference).await;
        found.refuses(404, "MANIFEST_UNKNOWN", "Requested image not found");
    }
    let no_layer = format!(
        "The layer with digest '{absent}' does not exist within the repository with name 'app' in \
         the registry with id '{ACCOUNT}'"
    );
    v2.blob("app", &absent).await.refuses(404, "BLOB_UNKNOWN", &no_layer);
    let no_repository = format!(
        "The repository with name 'ghost' does not exist in the registry with id '{ACCOUNT}'"
    );
    for path in ["manifests/v1", &format!("blobs/{absent}"), "tags/list"] {
        let found = v2.get(&format!("/v2/ghost/{path}")).await;
        found.refuses(404, "NAME_UNKNOWN", &no_repository);
    }
    for path in ["manifests/none", &format!("blobs/{absent}")] {
        let head = v2.head(&format!("/v2/app/{path}")).await;
        assert_eq!((head.status, head.body.len()), (404, 0), "{path}");
    }
}

async fn a_blob_of_another_repository_is_not_there(wharf: Wharf) {
    wharf.repository("one").await;
    wharf.repository("two").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    let unknown = v2.blob("two", &digest(&image.config)).await;
    v2.push_as("one", "v1", &image).await;
    let known_elsewhere = v2.blob("two", &digest(&image.config)).await;
    assert_eq!((known_elsewhere.status, &known_elsewhere.body), (404, &unknown.body));
    assert_eq!(v2.head(&format!("/v2/two/blobs/{}", digest(&image.config))).await.status, 404);
    assert_eq!(v2.manifest("two", &image.digest()).await.status, 404);
    v2.put_manifest("two", "v1", &image.manifest).await.refuses_with(404, "MANIFEST_BLOB_UNKNOWN");
    let input = json!({ "repositoryName": "two", "layerDigests": [digest(&image.config)] });
    let checked = wharf.api("BatchCheckLayerAvailability", input).await.unwrap();
    assert_eq!(checked["layers"][0]["layerAvailability"], "UNAVAILABLE");
}

async fn a_pull_is_recorded_once_an_interval_and_a_head_never(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let pulled_at = async || {
        let input = json!({ "repositoryName": "app" });
        let described = wharf.api("DescribeImages", input).await.unwrap();
        described["imageDetails"][0]["lastRecordedPullTime"].as_f64()
    };
    v2.head("/v2/app/manifests/v1").await;
    assert_eq!(pulled_at().await, None);
    let first = wharf.clock.now() as f64 / 1000.0;
    v2.manifest("app", "v1").await;
    let told = eventually("the pull is recorded", pulled_at).await;
    assert!((told - first).abs() < 0.001, "{told} is not {first}");
    wharf.clock.advance(Duration::from_secs(9 * 60));
    v2.manifest("app", "v1").await;
    wharf.clock.advance(Duration::from_secs(60));
    v2.manifest("app", "v1").await;
    let second = first + 600.0;
    let changed = async || pulled_at().await.filter(|at| (at - first).abs() > 0.001);
    let told = eventually("the later pull is recorded", changed).await;
    assert!((told - second).abs() < 0.001, "{told} is not {second}");
}

async fn batch_get_image_answers_each_id_by_itself(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let (one, two) = (Image::of("one"), Image::of("two"));
    v2.push_as("app", "one", &one).await;
    v2.push_as("app", "two", &two).await;
    let input = json!({ "repositoryName": "app", "imageIds": [
        { "imageTag": "one" },
        { "imageDigest": two.digest() },
        { "imageTag": "one", "imageDigest": one.digest() },
        { "imageTag": "one", "imageDigest": two.digest() },
        { "imageTag": "none" },
        { "imageDigest": digest(b"none") },
        { "imageDigest": "sha256:short" },
        { "imageTag": "-bad" },
        {},
    ]});
    let got = wharf.api("BatchGetImage", input).await.unwrap();
    let images: Vec<_> = got["images"].as_array().unwrap().iter().map(|i| &i["imageId"]).collect();
    let expected = [
        json!({ "imageTag": "one", "imageDigest": one.digest() }),
        json!({ "imageDigest": two.digest() }),
        json!({ "imageTag": "one", "imageDigest": one.digest() }),
    ];
    assert_eq!(images, expected.iter().collect::<Vec<_>>());
    assert_eq!(got["images"][1]["imageManifest"], two.manifest.text());
    let failures: Vec<_> =
        got["failures"].as_array().unwrap().iter().map(|f| f["failureCode"].clone()).collect();
    assert_eq!(
        failures,
        [
            "ImageTagDoesNotMatchDigest",
            "ImageNotFound",
            "ImageNotFound",
            "InvalidImageDigest",
            "InvalidImageTag",
            "MissingDigestAndTag",
        ]
    );
}
