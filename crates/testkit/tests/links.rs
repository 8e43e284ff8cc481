//! Download URLs: good for anybody who holds one, for one layer, for one hour.

use std::time::Duration;

use http::Method;
use serde_json::json;
use wharf_testkit::http::whole;
use wharf_testkit::image::{digest, noise};
use wharf_testkit::{ACCOUNT, ApiError, Image, Wharf, on_both};

on_both![
    a_plain_client_fetches_the_layer,
    a_link_lives_an_hour,
    a_link_that_was_tampered_with_is_worth_nothing,
    a_link_opens_one_layer_and_only_to_read_it,
    a_link_dies_with_its_key,
    a_layer_in_no_image_has_a_link_for_a_day,
    what_is_not_there_has_no_link,
];

async fn link(wharf: &Wharf, digest: &str) -> Result<String, ApiError> {
    let input = json!({ "repositoryName": "app", "layerDigest": digest });
    let answer = wharf.api("GetDownloadUrlForLayer", input).await?;
    assert_eq!(answer["layerDigest"], digest);
    Ok(answer["downloadUrl"].as_str().unwrap().to_owned())
}

/// The part of a link behind the host.
fn path(link: &str) -> &str {
    link.strip_prefix("http://localhost:").and_then(|rest| Some(&rest[rest.find('/')?..])).unwrap()
}

async fn a_plain_client_fetches_the_layer(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    for size in [1, 100_000, 3_000_000] {
        let bytes = noise(1, size);
        let digest = v2.push_blob("app", bytes.clone()).await;
        let link = link(&wharf, &digest).await.unwrap();
        let fetched = wharf.fetch(&link).await;
        assert!(fetched.status == 200 && fetched.body == bytes, "{link}: {}", fetched.status);
        let part = wharf
            .anonymous()
            .send(Method::GET, path(&link), &[("range", "bytes=0-0")], whole(""))
            .await;
        assert_eq!((part.status, part.body), (206, bytes.slice(..1)));
    }
}

async fn a_link_lives_an_hour(wharf: Wharf) {
    wharf.repository("app").await;
    let digest = wharf.v2().await.push_blob("app", "layer").await;
    let link = link(&wharf, &digest).await.unwrap();
    wharf.clock.advance(Duration::from_millis(60 * 60 * 1000 - 1));
    assert_eq!(wharf.fetch(&link).await.status, 200);
    wharf.clock.advance(Duration::from_millis(1));
    let refused = wharf.fetch(&link).await;
    assert!(matches!(refused.status, 401 | 403), "{}", refused.status);
    assert_eq!(wharf.v2().await.blob("app", &digest).await.status, 200);
}

async fn a_link_that_was_tampered_with_is_worth_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let digest = wharf.v2().await.push_blob("app", "layer").await;
    let link = link(&wharf, &digest).await.unwrap();
    let query = link.find('?').unwrap() + 1;
    let anonymous = wharf.anonymous();
    for at in query..link.len() {
        let mut text = link.clone().into_bytes();
        text[at] = if text[at] == b'1' { b'2' } else { b'1' };
        let text = String::from_utf8(text).unwrap();
        // The last character of Base64 has bits that mean nothing only if they are all zero.
        let refused = anonymous.get(path(&text)).await;
        assert_eq!(refused.status, 401, "{text}");
    }
    for parameters in [&link[..query - 1], &link[..query], &link[..link.len() - 1]] {
        assert_eq!(anonymous.get(path(parameters)).await.status, 401, "{parameters}");
    }
}

async fn a_link_opens_one_layer_and_only_to_read_it(wharf: Wharf) {
    wharf.repository("app").await;
    wharf.repository("other").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    v2.push_blobs("other", &image).await;
    let (one, two) = (digest(&image.layers[0]), digest(&image.config));
    let link = link(&wharf, &one).await.unwrap();
    let (path, query) = path(&link).split_once('?').unwrap();
    let anonymous = wharf.anonymous();
    let elsewhere = [
        format!("/v2/app/blobs/{two}"),
        format!("/v2/other/blobs/{one}"),
        "/v2/app/manifests/v1".to_owned(),
        "/v2/app/tags/list".to_owned(),
        "/v2/_catalog".to_owned(),
        "/v2/".to_owned(),
    ];
    for elsewhere in elsewhere {
        let refused = anonymous.get(&format!("{elsewhere}?{query}")).await;
        assert_eq!(refused.status, 401, "{elsewhere}");
    }
    for method in [Method::DELETE, Method::PUT, Method::POST, Method::PATCH] {
        let told = method.clone();
        let refused = anonymous.send(method, &format!("{path}?{query}"), &[], whole("")).await;
        assert_eq!(refused.status, 401, "{told}");
    }
    v2.expect("app", "v1", &image).await;
}

async fn a_link_dies_with_its_key(mut wharf: Wharf) {
    wharf.repository("app").await;
    let digest = wharf.v2().await.push_blob("app", "layer").await;
    let link = link(&wharf, &digest).await.unwrap();
    let (id, secret) = ("AKIAABCDEFGHIJKLMNOP", "a secret that the operator chose");
    wharf.restart().await;
    assert_eq!(wharf.anonymous().get(path(&link)).await.status, 200);
    let given = [("root_access_key_id", id), ("root_secret_access_key", secret)];
    wharf.restart_with(&given).await;
    let refused = wharf.anonymous().get(path(&link)).await;
    assert!(matches!(refused.status, 401 | 403), "{}", refused.status);
}

async fn a_layer_in_no_image_has_a_link_for_a_day(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let free = v2.push_blob("app", "in no image").await;
    wharf.clock.advance(Duration::from_secs(24 * 60 * 60));
    link(&wharf, &free).await.unwrap();
    wharf.clock.advance(Duration::from_millis(1));
    let refused = link(&wharf, &free).await.unwrap_err();
    assert_eq!(refused.code, "LayerInaccessibleException");
    link(&wharf, &digest(&image.layers[0])).await.unwrap();
    link(&wharf, &digest(&image.config)).await.unwrap();
}

async fn what_is_not_there_has_no_link(wharf: Wharf) {
    wharf.repository("app").await;
    let absent = digest(b"absent");
    let message = format!(
        "The layer with digest '{absent}' does not exist within the repository with name 'app' in \
         the registry with id '{ACCOUNT}'"
    );
    let refused = link(&wharf, &absent).await;
    assert_eq!(refused, Err(ApiError::plain("LayersNotFoundException", &message)));
    for odd in ["md5:00", "sha256:00", "sha256:ABCDEF"] {
        assert_eq!(link(&wharf, odd).await.unwrap_err().code, "InvalidParameterException", "{odd}");
    }
}
