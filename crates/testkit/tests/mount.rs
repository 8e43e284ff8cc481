//! Mounting, and what tenants can learn of each other's blobs: nothing.

use serde_json::json;
use wharf_testkit::http::Response;
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{ACCOUNT, Image, REGION, V2, Wharf, on_both};

on_both![
    a_layer_is_mounted_from_a_repository_that_holds_it,
    a_mount_that_cannot_be_becomes_an_upload,
    a_mounted_layer_outlives_its_source,
    mounting_can_be_switched_off,
    accounts_learn_nothing_of_each_others_blobs,
    regions_are_registries_of_their_own,
    a_host_names_the_registry_and_grants_nothing,
];

async fn mount(v2: &V2, target: &str, digest: &str, from: Option<&str>) -> Response {
    let from = from.map(|from| format!("&from={from}")).unwrap_or_default();
    v2.post(&format!("/v2/{target}/blobs/uploads/?mount={digest}{from}"), "").await
}

async fn a_layer_is_mounted_from_a_repository_that_holds_it(wharf: Wharf) {
    let v2 = wharf.v2().await;
    for name in ["team/source", "named", "guessed"] {
        wharf.repository(name).await;
    }
    let bytes = noise(1, 100_000);
    let digest = v2.push_blob("team/source", bytes.clone()).await;
    for (target, from) in [("named", Some("team/source")), ("guessed", None)] {
        let mounted = mount(&v2, target, &digest, from).await;
        assert_eq!(mounted.status, 201, "{}", mounted.text());
        assert_eq!(mounted.header("location"), format!("/v2/{target}/blobs/{digest}"));
        assert_eq!(mounted.header("docker-content-digest"), digest);
        assert!(v2.blob(target, &digest).await.body == bytes);
    }
    assert_eq!(wharf.blob_files().len(), 1);
}

async fn a_mount_that_cannot_be_becomes_an_upload(wharf: Wharf) {
    let v2 = wharf.v2().await;
    wharf.repository("app").await;
    wharf.repository("empty").await;
    wharf.repository("source").await;
    let held = v2.push_blob("source", "held").await;
    let cases = [
        ("no such layer", digest(b"x"), Some("source")),
        ("no such layer anywhere", digest(b"x"), None),
        ("no such repository", held.clone(), Some("ghost")),
        ("no repository's name", held.clone(), Some("..%2Fsource")),
        ("not in that repository", held.clone(), Some("empty")),
    ];
    for (what, digest, from) in cases {
        let begun = mount(&v2, "app", &digest, from).await;
        assert_eq!(begun.status, 202, "{what}: {}", begun.text());
        assert_eq!(v2.get(begun.header("location")).await.status, 204, "{what}");
    }
    assert_eq!(v2.blob("app", &held).await.status, 404);
    mount(&v2, "app", "sha256:bad", Some("source")).await.refuses_with(400, "DIGEST_INVALID");
    mount(&v2, "ghost", &held, Some("source")).await.refuses_with(404, "NAME_UNKNOWN");
}

async fn a_mounted_layer_outlives_its_source(wharf: Wharf) {
    let v2 = wharf.v2().await;
    wharf.repository("source").await;
    wharf.repository("app").await;
    let digest = v2.push_blob("source", "layer").await;
    assert_eq!(mount(&v2, "app", &digest, Some("source")).await.status, 201);
    let input = json!({ "repositoryName": "source", "force": true });
    wharf.api("DeleteRepository", input).await.unwrap();
    assert_eq!(v2.blob("app", &digest).await.text(), "layer");
    assert_eq!(v2.blob("source", &digest).await.status, 404);
}

async fn mounting_can_be_switched_off(mut wharf: Wharf) {
    wharf.restart_with(&[("blob_mounting", "off")]).await;
    let v2 = wharf.v2().await;
    wharf.repository("source").await;
    wharf.repository("app").await;
    let digest = v2.push_blob("source", "layer").await;
    for from in [Some("source"), None] {
        assert_eq!(mount(&v2, "app", &digest, from).await.status, 202);
    }
    assert_eq!(v2.blob("app", &digest).await.status, 404);
}

/// Everything that an account can ask about a digest, as the answers' statuses and bodies.
async fn asked(v2: &V2, image: &Image) -> Vec<String> {
    let layer = digest(&image.layers[0]);
    let answers = [
        v2.blob("app", &layer).await,
        v2.head(&format!("/v2/app/blobs/{layer}")).await,
        v2.manifest("app", &image.digest()).await,
        v2.get(&format!("/v2/app/referrers/{}", image.digest())).await,
        v2.put_manifest("app", "v1", &image.manifest).await,
        v2.delete(&format!("/v2/app/blobs/{layer}")).await,
    ];
    for from in [Some("app"), Some("other"), None] {
        let begun = mount(v2, "app", &layer, from).await;
        v2.delete(begun.header("location")).await;
        // Each upload has another id.
        assert_eq!(begun.status, 202, "{}", begun.text());
    }
    answers.iter().map(|answer| format!("{} {}", answer.status, answer.text())).collect()
}

async fn accounts_learn_nothing_of_each_others_blobs(mut wharf: Wharf) {
    let tenant = wharf.second_account("999999999999").await;
    let input = json!({ "repositoryName": "app" });
    wharf.api_as(&tenant, "CreateRepository", input).await.unwrap();
    wharf.repository("app").await;
    wharf.repository("other").await;
    let (owner, other) = (wharf.v2().await, wharf.v2_as(&tenant).await);
    let image = Image::of("secret");
    let before = asked(&other, &image).await;
    owner.push_as("app", "v1", &image).await;
    assert_eq!(asked(&other, &image).await, before, "after the owner's push");
    owner.delete(&format!("/v2/app/manifests/{}", image.digest())).await;
    assert_eq!(asked(&other, &image).await, before, "after the owner's delete");
    owner.push_as("app", "v1", &image).await;
    other.push_as("app", "mine", &image).await;
    other.expect("app", "mine", &image).await;
    other.delete(&format!("/v2/app/manifests/{}", image.digest())).await;
    owner.expect("app", "v1", &image).await;
    assert_eq!(owner.manifest("app", "mine").await.status, 404);
}

async fn regions_are_registries_of_their_own(wharf: Wharf) {
    let west = wharf.credentials().in_region("us-west-2");
    wharf.repository("app").await;
    let input = json!({ "repositoryName": "app" });
    let made = wharf.api_as(&west, "CreateRepository", input).await.unwrap();
    let arn = format!("arn:aws:ecr:us-west-2:{ACCOUNT}:repository/app");
    assert_eq!(made["repository"]["repositoryArn"], arn);
    let (here, there, image) = (wharf.v2().await, wharf.v2_as(&west).await, Image::of("app"));
    let before = asked(&there, &image).await;
    here.push_as("app", "v1", &image).await;
    assert_eq!(asked(&there, &image).await, before);
    assert_eq!(there.manifest("app", "v1").await.status, 404);
    here.expect("app", "v1", &image).await;
}

async fn a_host_names_the_registry_and_grants_nothing(mut wharf: Wharf) {
    let tenant = wharf.second_account("999999999999").await;
    wharf.repository("app").await;
    let port = wharf.address.port();
    let host = |account: &str| format!("{account}.dkr.ecr.{REGION}.localhost:{port}");
    let (owner, other) = (wharf.v2().await, wharf.v2_as(&tenant).await);
    owner.at_host(&host(ACCOUNT)).push_as("app", "v1", &Image::of("app")).await;
    let other = other.at_host(&host(ACCOUNT));
    assert_eq!(other.get("/v2/").await.status, 200);
    for (path, action) in [
        ("/v2/app/manifests/v1", "ecr:BatchGetImage"),
        ("/v2/app/tags/list", "ecr:ListImages"),
        ("/v2/ghost/tags/list", "ecr:ListImages"),
    ] {
        let name = path.split('/').nth(2).unwrap();
        other.get(path).await.refuses(
            403,
            "DENIED",
            &format!(
                "User: arn:aws:iam::999999999999:root is not authorized to perform: {action} on \
                 resource: arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name} because no \
                 resource-based policy allows the {action} action"
            ),
        );
    }
    other.get("/v2/_catalog").await.refuses_with(403, "DENIED");
    other.post("/v2/app/blobs/uploads/", "").await.refuses_with(403, "DENIED");
}
