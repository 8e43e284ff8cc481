//! The audit trail: each call has a record that says who, what, from where, and what was decided.

use http::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use wharf_testkit::http::whole;
use wharf_testkit::{ACCOUNT, Image, REGION, Wharf, eventually, on_both};

on_both![
    a_call_that_was_allowed,
    a_call_that_was_refused_tells_what_decided,
    calls_to_the_registry_are_named_by_what_they_ask_for,
    who_proved_nothing_has_no_record,
    a_client_that_hangs_up_keeps_nothing_out,
    nothing_secret_is_written,
    it_can_be_switched_off,
];

const OTHER: &str = "222222222222";

/// The records so far; waits until there is one for the request of this id.
async fn record_of(wharf: &Wharf, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    eventually(what, async || wharf.audit_trail().into_iter().find(|record| is_it(record))).await
}

async fn a_call_that_was_allowed(wharf: Wharf) {
    wharf
        .api(
            "CreateRepository",
            json!({ "repositoryName": "app", "tags": [{ "Key": "team", "Value": "blue" }] }),
        )
        .await
        .unwrap();
    let record =
        record_of(&wharf, "a record", |record| record["eventName"] == "CreateRepository").await;
    let arn = format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app");
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let expected = json!({
        "eventVersion": "1.11",
        "eventSource": "ecr.amazonaws.com",
        "eventType": "AwsApiCall",
        "eventCategory": "Management",
        "managementEvent": true,
        "awsRegion": REGION,
        "sourceIPAddress": "127.0.0.1",
        "readOnly": false,
        "recipientAccountId": ACCOUNT,
        "responseElements": null,
        "requestParameters":
            { "repositoryName": "app", "tags": [{ "Key": "team", "Value": "blue" }] },
        "resources": [{ "ARN": arn, "accountId": ACCOUNT }],
        "userIdentity": {
            "type": "Root",
            "principalId": ACCOUNT,
            "arn": root,
            "accountId": ACCOUNT,
            "accessKeyId": wharf.credentials().id,
        },
        "additionalEventData": {
            "httpMethod": "POST",
            "httpPath": "/",
            "httpStatus": 200,
            "decisions": [
                { "action": "ecr:CreateRepository", "resource": arn, "decision": "allow",
                  "layer": "identity" },
                { "action": "ecr:TagResource", "resource": arn, "decision": "allow",
                  "layer": "identity" },
            ],
        },
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(record[name], *value, "{name}");
    }
    assert!(record.get("errorCode").is_none());
    assert!(record["eventTime"].as_str().unwrap().ends_with('Z'));
    assert_ne!(record["requestID"], record["eventID"]);
    let logged = eventually("the access log", async || {
        wharf.access_log().into_iter().find(|line| line["operation"] == "CreateRepository")
    });
    assert_eq!(record["requestID"], logged.await["id"], "both logs name the request the same");
}

async fn a_call_that_was_refused_tells_what_decided(mut wharf: Wharf) {
    wharf.repository("app").await;
    let stranger = wharf.second_account(OTHER).await;
    let input = json!({ "registryId": ACCOUNT, "repositoryName": "app" });
    let refused = wharf.api_as(&stranger, "ListImages", input).await.unwrap_err();
    let record = record_of(&wharf, "a record", |record| record["eventName"] == "ListImages").await;
    assert_eq!(record["errorCode"], "AccessDeniedException");
    assert_eq!(record["errorMessage"].as_str().unwrap(), refused.message);
    assert_eq!(record["userIdentity"]["accountId"], OTHER);
    assert_eq!(record["additionalEventData"]["httpStatus"], 400);
    let decision = &record["additionalEventData"]["decisions"][0];
    assert_eq!(decision["decision"], "implicitDeny");
    assert_eq!(decision["layer"], "resource");
}

async fn calls_to_the_registry_are_named_by_what_they_ask_for(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let image = Image::of("app");
    v2.push_as("app", "v1", &image).await;
    v2.expect("app", "v1", &image).await;
    v2.get("/v2/").await;
    wharf.anonymous().get("/v2/").await;
    let path = "/v2/app/manifests/v1";
    let pulled = record_of(&wharf, "a pull", |record| {
        record["eventName"] == "BatchGetImage" && record["additionalEventData"]["httpPath"] == path
    });
    let pulled = pulled.await;
    assert_eq!(pulled["readOnly"], true);
    assert_eq!(pulled["userIdentity"]["type"], "Root");
    assert_eq!(pulled["resources"][0]["ARN"].as_str().unwrap().rsplit('/').next(), Some("app"));
    for name in ["PutImage", "InitiateLayerUpload", "GetDownloadUrlForLayer", "CheckLogin"] {
        let record = record_of(&wharf, name, |record| record["eventName"] == name).await;
        assert!(record["additionalEventData"]["httpPath"].as_str().unwrap().starts_with("/v2"));
    }
    let logins = wharf.audit_trail().into_iter().filter(|one| one["eventName"] == "CheckLogin");
    assert_eq!(logins.count(), 1, "who came without credentials made no call");
}

/// Else anybody could push out what others did.
async fn who_proved_nothing_has_no_record(mut wharf: Wharf) {
    let mut forged = wharf.credentials().clone();
    forged.secret = "x".repeat(40);
    wharf.api_as(&forged, "DescribeRegistry", json!({})).await.unwrap_err();
    let forged = [("authorization", "Basic QVdTOmZvcmdlZA==")];
    wharf.anonymous().send(Method::GET, "/v2/", &forged, whole("")).await;
    wharf.stop().await;
    assert_eq!(wharf.audit_text(), "");
    let logged = wharf.access_log();
    for error in ["InvalidSignatureException", "UNAUTHORIZED"] {
        assert!(logged.iter().any(|line| line["error"] == error), "{error}: {logged:?}");
    }
}

async fn a_client_that_hangs_up_keeps_nothing_out(wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    v2.push_as("app", "v1", &Image::of("app")).await;
    let request = format!(
        "DELETE /v2/app/manifests/v1 HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n\r\n",
        wharf.address,
        v2.authorization()
    );
    for _ in 0..20 {
        let mut stream = TcpStream::connect(wharf.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
    }
    let gone = async || (v2.manifest("app", "v1").await.status == 404).then_some(());
    eventually("the tag goes", gone).await;
    let done = |record: &Value| {
        record["eventName"] == "BatchDeleteImage"
            && record["additionalEventData"]["httpStatus"] == 202
    };
    record_of(&wharf, "a record of the deletion", done).await;
}

async fn nothing_secret_is_written(mut wharf: Wharf) {
    wharf.repository("app").await;
    let v2 = wharf.v2().await;
    let image = Image::of("app");
    v2.push_as("app", "v1", &image).await;
    let token = wharf.token().await;
    wharf.stop().await;
    let text = wharf.audit_text() + &serde_json::to_string(&wharf.access_log()).unwrap();
    assert!(text.contains("PutImage") && text.contains("GetAuthorizationToken"));
    for secret in [&wharf.credentials().secret, &token] {
        assert!(!text.contains(secret), "a secret is in a log");
    }
}

async fn it_can_be_switched_off(mut wharf: Wharf) {
    wharf.restart_with(&[("audit_log", "off")]).await;
    let before = wharf.audit_text();
    wharf.repository("app").await;
    wharf.stop().await;
    assert_eq!(wharf.audit_text(), before);
}
