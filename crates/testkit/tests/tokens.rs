//! Registry tokens: how long they live, where they are good, and what ends them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wharf_testkit::{ACCOUNT, Image, REGION, V2, Wharf, on_both};

on_both![
    a_lost_installation_key_is_not_made_anew,
    a_token_is_a_password_for_the_user_aws,
    a_token_lives_twelve_hours_and_not_a_moment_longer,
    a_token_of_another_region_is_told_so,
    a_token_survives_a_restart,
    a_token_dies_with_its_key,
    a_damaged_token_is_no_token,
    no_credentials_get_ecrs_challenge,
    each_registry_id_asked_for_gets_an_entry,
];

const EXPIRED: &str = "Your authorization token has expired. Reauthenticate and try again.";

async fn a_token_is_a_password_for_the_user_aws(wharf: Wharf) {
    let answer = wharf.api("GetAuthorizationToken", json!({})).await.unwrap();
    let data = &answer["authorizationData"][0];
    let text =
        String::from_utf8(STANDARD.decode(data["authorizationToken"].as_str().unwrap()).unwrap());
    let text = text.unwrap();
    let (user, password) = text.split_once(':').unwrap();
    assert_eq!(user, "AWS");
    assert!(!password.contains(':') && !password.is_empty());
    let expires = data["expiresAt"].as_f64().unwrap();
    assert!((expires - (wharf.clock.now() as f64 / 1000.0 + 43_200.0)).abs() < 0.001, "{expires}");
    assert_eq!(data["proxyEndpoint"], format!("http://localhost:{}", wharf.address.port()));
    assert_eq!(wharf.v2().await.get("/v2/").await.status, 200);
    let other = STANDARD.encode(format!("root:{password}"));
    let client = V2::new(wharf.http.clone(), wharf.address, Some(other));
    assert_eq!(client.get("/v2/").await.status, 401);
}

async fn a_token_lives_twelve_hours_and_not_a_moment_longer(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    wharf.clock.advance(Duration::from_millis(12 * 60 * 60 * 1000 - 1));
    v2.expect("app", "v1", &image).await;
    wharf.clock.advance(Duration::from_millis(1));
    for path in ["/v2/", "/v2/app/manifests/v1", "/v2/ghost/tags/list"] {
        v2.get(path).await.refuses(403, "DENIED", EXPIRED);
    }
    wharf.v2().await.expect("app", "v1", &image).await;
}

async fn a_token_of_another_region_is_told_so(wharf: Wharf) {
    let v2 = wharf.v2().await;
    let own = format!("{ACCOUNT}.dkr.ecr.{REGION}.localhost:{}", wharf.address.port());
    assert_eq!(v2.at_host(&own).get("/v2/").await.status, 200);
    let other = format!("{ACCOUNT}.dkr.ecr.us-west-2.localhost:{}", wharf.address.port());
    let refused = v2.at_host(&other).get("/v2/").await;
    refused.refuses_with(400, "DENIED");
    let text = refused.text();
    assert!(text.contains(REGION) && text.contains("us-west-2"), "{text}");
}

async fn a_token_survives_a_restart(mut wharf: Wharf) {
    let token = wharf.token().await;
    wharf.restart().await;
    let v2 = V2::new(wharf.http.clone(), wharf.address, Some(token));
    assert_eq!(v2.get("/v2/").await.status, 200);
}

async fn a_token_dies_with_its_key(mut wharf: Wharf) {
    let (token, old) = (wharf.token().await, wharf.credentials().clone());
    let (id, secret) = ("AKIAABCDEFGHIJKLMNOP", "a secret that the operator chose");
    let given = [("root_access_key_id", id), ("root_secret_access_key", secret)];
    wharf.restart_with(&given).await;
    let v2 = V2::new(wharf.http.clone(), wharf.address, Some(token));
    v2.get("/v2/").await.refuses_with(403, "DENIED");
    let refused = wharf_testkit::api::call(&wharf, &old, "DescribeRepositories", json!({})).await;
    assert_eq!(refused.unwrap_err().code, "UnrecognizedClientException");
    assert_eq!(wharf.v2().await.get("/v2/").await.status, 200);
}

async fn a_damaged_token_is_no_token(wharf: Wharf) {
    let token = wharf.token().await;
    let bytes = STANDARD.decode(&token).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        // Another character of the alphabet that passwords have.
        damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
        if damaged == bytes {
            continue;
        }
        let v2 = V2::new(wharf.http.clone(), wharf.address, Some(STANDARD.encode(&damaged)));
        let refused = v2.get("/v2/").await;
        assert_eq!(refused.status, 401, "byte {at}");
    }
    for text in ["", "AWS", "!", &token[1..], &format!("{token}x"), &STANDARD.encode("AWS:")] {
        let v2 = V2::new(wharf.http.clone(), wharf.address, Some(text.to_owned()));
        assert_eq!(v2.get("/v2/").await.status, 401, "{text:?}");
    }
}

async fn no_credentials_get_ecrs_challenge(wharf: Wharf) {
    wharf.repository("app").await;
    for path in ["/v2/", "/v2/_catalog", "/v2/app/tags/list", "/v2/app/manifests/v1", "/v2/x/y"] {
        let refused = wharf.anonymous().get(path).await;
        assert_eq!((refused.status, refused.text().as_str()), (401, "Not Authorized\n"), "{path}");
        assert_eq!(refused.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(
            refused.header("www-authenticate"),
            format!("Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"", wharf.address)
        );
    }
    assert_eq!(wharf.anonymous().head("/v2/").await.status, 401);
    assert_eq!(wharf.anonymous().post("/v2/app/blobs/uploads/", "").await.status, 401);
}

async fn each_registry_id_asked_for_gets_an_entry(wharf: Wharf) {
    let input = json!({ "registryIds": [ACCOUNT, "999999999999"] });
    let answer = wharf.api("GetAuthorizationToken", input).await.unwrap();
    let data = answer["authorizationData"].as_array().unwrap();
    assert_eq!(data.len(), 2);
    assert_eq!(data[0]["authorizationToken"], data[1]["authorizationToken"]);
    let refused = wharf.api("GetAuthorizationToken", json!({ "registryIds": ["1"] })).await;
    assert_eq!(refused.unwrap_err().code, "InvalidParameterException");
}

async fn a_lost_installation_key_is_not_made_anew(mut wharf: Wharf) {
    wharf.stop().await;
    let key = wharf.folder().join("installation.key");
    let text = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let refused = format!("{:#}", wharf.try_start(&[]).await.unwrap_err());
    assert!(refused.contains("put the key back"), "{refused}");
    assert!(!key.exists());
    std::fs::write(&key, text).unwrap();
    wharf.restart().await;
    wharf.repository("app").await;
}
