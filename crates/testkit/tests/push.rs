//! Pushing images: what is stored, what is answered, what is refused.

use http::Method;
use serde_json::json;
use wharf_oci::media_type;
use wharf_testkit::http::whole;
use wharf_testkit::image::{digest, digest512};
use wharf_testkit::{ACCOUNT, Image, Manifest, Wharf, on_both};

on_both![
    an_image_comes_back_byte_for_byte,
    a_manifest_is_answered_with_its_place_and_digest,
    an_odd_but_valid_manifest_keeps_every_byte,
    docker_and_oci_and_artifacts_and_foreign_layers_are_taken,
    an_index_needs_its_children_and_takes_the_size_of_the_largest,
    a_manifest_without_its_layers_is_refused_and_leaves_nothing,
    a_manifest_under_a_wrong_digest_is_refused,
    a_manifest_can_be_pushed_under_its_sha512_digest,
    one_push_sets_several_tags_or_none,
    the_same_push_again_changes_nothing,
    a_push_to_no_repository_is_refused_at_its_first_request,
    put_image_and_the_registry_store_the_same,
];

async fn an_image_comes_back_byte_for_byte(wharf: Wharf) {
    wharf.repository("team/app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("team/app", "v1", &image).await;
    v2.expect("team/app", "v1", &image).await;
    v2.expect("team/app", &image.digest(), &image).await;
}

async fn a_manifest_is_answered_with_its_place_and_digest(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    let pushed = v2.put_manifest("app", "v1", &image.manifest).await;
    assert_eq!(pushed.status, 201, "{pushed:?}");
    let digest = image.digest();
    assert_eq!(pushed.header("location"), format!("/v2/app/manifests/{digest}"));
    assert_eq!(pushed.header("docker-content-digest"), digest);
    assert!(!pushed.headers.contains_key("oci-subject"));
    assert_eq!(v2.get(pushed.header("location")).await.status, 200);
    let subject = Image::recipe().subject(&image.manifest).build();
    v2.push_blobs("app", &subject).await;
    let pushed = v2.put_manifest("app", "about", &subject.manifest).await;
    assert_eq!((pushed.status, pushed.header("oci-subject")), (201, digest.as_str()));
}

async fn an_odd_but_valid_manifest_keeps_every_byte(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    let text = image.manifest.text();
    let spaced = format!("\n\t {} \r\n", text.replace("\":", "\" :\n"));
    let unknown = text.replacen('{', "{\"x-unknown\":[1e3,\"\\u00e9\\u0000\",null,{}],", 1);
    for (tag, text) in [("spaced", spaced), ("unknown", unknown)] {
        let manifest = Manifest { bytes: text.into(), ..image.manifest.clone() };
        v2.push_manifest("app", tag, &manifest).await;
        let pulled = v2.manifest("app", tag).await;
        assert_eq!(pulled.body, manifest.bytes, "{tag}");
        assert_eq!(pulled.header("docker-content-digest"), manifest.digest(), "{tag}");
    }
}

async fn docker_and_oci_and_artifacts_and_foreign_layers_are_taken(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let chart = "application/vnd.cncf.helm.config.v1+json";
    let foreign = json!([{
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": digest(b"elsewhere"),
        "size": 9,
        "urls": ["https://example.com/layer"],
    }]);
    let table = [
        ("docker", Image::recipe().docker().layer("one").config("{}").build()),
        ("oci", Image::recipe().layer("two").config("{\"os\":\"linux\"}").build()),
        ("chart", Image::recipe().layer("chart").typed_config(chart, "{\"name\":\"x\"}").build()),
        ("artifact", Image::recipe().layer("sbom").member("artifactType", json!("a/sbom")).build()),
        ("windows", Image::recipe().docker().member("layers", foreign).build()),
        ("empty", Image::recipe().member("artifactType", json!("a/nothing")).build()),
    ];
    for (tag, image) in &table {
        v2.push_as("app", tag, image).await;
        v2.expect("app", tag, image).await;
        let found = v2.manifest("app", tag).await;
        assert_eq!(found.header("content-type"), image.manifest.media_type, "{tag}");
    }
    let described = wharf
        .api(
            "DescribeImages",
            json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "chart" }] }),
        )
        .await
        .unwrap();
    assert_eq!(described["imageDetails"][0]["artifactMediaType"], chart);
}

async fn an_index_needs_its_children_and_takes_the_size_of_the_largest(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let small = Image::of("small");
    let large = Image::recipe().layer("a much longer layer than that of the other image").build();
    let index = Manifest::index(&[&small.manifest, &large.manifest]);
    v2.push("app", &small).await;
    v2.put_manifest("app", "multi", &index).await.refuses(
        404,
        "MANIFEST_BLOB_UNKNOWN",
        &format!(
            "Images with digests '[{}]' required for pushing image into repository with name 'app' \
             in the registry with id '{ACCOUNT}' do not exist",
            large.digest()
        ),
    );
    assert_eq!(v2.manifest("app", "multi").await.status, 404);
    v2.push("app", &large).await;
    v2.push_manifest("app", "multi", &index).await;
    assert_eq!(v2.manifest("app", "multi").await.body, index.bytes);
    let input = json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "multi" }] });
    let described = wharf.api("DescribeImages", input).await.unwrap();
    let largest = small.size().max(large.size());
    assert_eq!(described["imageDetails"][0]["imageSizeInBytes"], largest);
    let nested = Manifest::index(&[&index]);
    v2.push_manifest("app", "nested", &nested).await;
    assert_eq!(v2.manifest("app", "nested").await.body, nested.bytes);
}

async fn a_manifest_without_its_layers_is_refused_and_leaves_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blob("app", image.config.clone()).await;
    v2.put_manifest("app", "v1", &image.manifest).await.refuses(
        404,
        "MANIFEST_BLOB_UNKNOWN",
        &format!(
            "Layers with digests '[{}]' required for pushing image into repository with name 'app' \
             in the registry with id '{ACCOUNT}' do not exist",
            digest(&image.layers[0])
        ),
    );
    assert_eq!(v2.manifest("app", "v1").await.status, 404);
    assert_eq!(v2.manifest("app", &image.digest()).await.status, 404);
    v2.push_as("app", "v1", &image).await;
    v2.expect("app", "v1", &image).await;
}

async fn a_manifest_under_a_wrong_digest_is_refused(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    let wrong = digest(b"something else");
    v2.put_manifest("app", &wrong, &image.manifest).await.refuses(
        400,
        "DIGEST_INVALID",
        &format!(
            "The image with digest '{wrong}' in repository 'app' and registry ID '{ACCOUNT}' does \
             not match the image digest that Amazon ECR has calculated."
        ),
    );
    for bad in ["sha256:abc", &digest(b"x").to_uppercase(), "md5:d41d8cd98f00b204e9800998ecf8427e"]
    {
        v2.put_manifest("app", bad, &image.manifest).await.refuses_with(400, "DIGEST_INVALID");
    }
    for reference in [&wrong, &image.digest()] {
        assert_eq!(v2.manifest("app", reference).await.status, 404);
    }
}

async fn a_manifest_can_be_pushed_under_its_sha512_digest(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    let digest = digest512(&image.manifest.bytes);
    v2.push_manifest("app", &digest, &image.manifest).await;
    let pulled = v2.manifest("app", &digest).await;
    assert_eq!(pulled.body, image.manifest.bytes);
    assert_eq!(pulled.header("docker-content-digest"), digest);
}

async fn one_push_sets_several_tags_or_none(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    let headers = [("content-type", media_type::OCI_MANIFEST)];
    let digest = image.digest();
    let bad = format!("/v2/app/manifests/{digest}?tag=good&tag=-bad");
    let refused = v2.send(Method::PUT, &bad, &headers, whole(image.manifest.bytes.clone())).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(v2.manifest("app", "good").await.status, 404);
    assert_eq!(v2.manifest("app", &digest).await.status, 404);
    let good = format!("/v2/app/manifests/{digest}?tag=one&tag=two");
    let pushed = v2.send(Method::PUT, &good, &headers, whole(image.manifest.bytes.clone())).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text());
    let told: Vec<_> = pushed.headers.get_all("oci-tag").iter().collect();
    assert_eq!(told, ["one", "two"]);
    for tag in ["one", "two"] {
        v2.expect("app", tag, &image).await;
    }
}

async fn the_same_push_again_changes_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let input = json!({ "repositoryName": "app" });
    let before = wharf.api("DescribeImages", input.clone()).await.unwrap();
    wharf.clock.advance(std::time::Duration::from_secs(60));
    v2.push_as("app", "v1", &image).await;
    v2.push_as("app", &image.digest(), &image).await;
    assert_eq!(wharf.api("DescribeImages", input.clone()).await.unwrap(), before);
    v2.push_as("app", "v2", &image).await;
    let after = wharf.api("DescribeImages", input).await.unwrap();
    assert_eq!(after["imageDetails"][0]["imageTags"], json!(["v1", "v2"]));
    assert_eq!(
        after["imageDetails"][0]["imagePushedAt"],
        before["imageDetails"][0]["imagePushedAt"]
    );
}

async fn a_push_to_no_repository_is_refused_at_its_first_request(wharf: Wharf) {
    let v2 = wharf.v2().await;
    let message = format!(
        "The repository with name 'ghost' does not exist in the registry with id '{ACCOUNT}'"
    );
    v2.post("/v2/ghost/blobs/uploads/", "").await.refuses(404, "NAME_UNKNOWN", &message);
    let image = Image::of("app");
    v2.put_manifest("ghost", "v1", &image.manifest).await.refuses(404, "NAME_UNKNOWN", &message);
}

async fn put_image_and_the_registry_store_the_same(wharf: Wharf) {
    wharf.repository("one").await;
    wharf.repository("two").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("one", "v1", &image).await;
    v2.push_blobs("two", &image).await;
    let input = json!({
        "repositoryName": "two",
        "imageManifest": image.manifest.text(),
        "imageTag": "v1",
    });
    let put = wharf.api("PutImage", input).await.unwrap();
    assert_eq!(put["image"]["imageManifest"], image.manifest.text());
    assert_eq!(put["image"]["imageManifestMediaType"], image.manifest.media_type);
    v2.expect("two", "v1", &image).await;
    let mut described = Vec::new();
    for name in ["one", "two"] {
        let input = json!({ "repositoryName": name });
        let mut details = wharf.api("DescribeImages", input).await.unwrap()["imageDetails"].take();
        for detail in details.as_array_mut().unwrap() {
            let detail = detail.as_object_mut().unwrap();
            detail.remove("repositoryName");
            // The first was pulled by nobody, the second by this test.
            detail.remove("lastRecordedPullTime");
        }
        described.push(details);
    }
    assert_eq!(described[0], described[1]);
}
