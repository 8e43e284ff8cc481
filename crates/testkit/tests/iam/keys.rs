//! Access keys: who may make them for whom, and when they open and stop to open.

use super::*;
use wharf_testkit::on_both;

on_both![a_user_keeps_its_own_keys, the_root_has_keys_too, a_key_is_used_and_told];

const OWN: &str = "arn:aws:iam::*:user/${aws:username}";

async fn a_user_keeps_its_own_keys(wharf: Wharf) {
    let alice = wharf.user("alice").await;
    let bob = wharf.user("bob").await;
    may(&wharf, "alice", "own", &allow("iam:*AccessKey*", OWN)).await;
    let second = by(&wharf, &alice, "CreateAccessKey", json!({})).await.unwrap();
    assert_eq!(second["AccessKey"]["UserName"], "alice");
    let listed = by(&wharf, &alice, "ListAccessKeys", json!({})).await.unwrap();
    assert_eq!(listed["AccessKeyMetadata"].as_array().unwrap().len(), 2);

    let refused = by(&wharf, &alice, "ListAccessKeys", json!({ "UserName": "bob" })).await;
    assert_eq!(refused.unwrap_err().code, "AccessDenied");
    let used = json!({ "AccessKeyId": alice.id });
    let used = by(&wharf, &alice, "GetAccessKeyLastUsed", used).await.unwrap();
    assert_eq!(used["UserName"], "alice");
    let refused = json!({ "AccessKeyId": bob.id });
    let refused = by(&wharf, &alice, "GetAccessKeyLastUsed", refused).await.unwrap_err();
    assert!(refused.message.contains(" on resource: * because "), "{refused}");

    let off = json!({ "AccessKeyId": alice.id, "Status": "Inactive" });
    by(&wharf, &alice, "UpdateAccessKey", off).await.unwrap();
    let told = by(&wharf, &alice, "ListAccessKeys", json!({})).await.unwrap_err();
    assert_eq!((told.code.as_str(), told.status), ("InvalidClientTokenId", 403));
    let on = json!({ "UserName": "alice", "AccessKeyId": alice.id, "Status": "Active" });
    done(&wharf, "UpdateAccessKey", on).await;
    by(&wharf, &alice, "ListAccessKeys", json!({})).await.unwrap();
    by(&wharf, &alice, "DeleteAccessKey", json!({ "AccessKeyId": alice.id })).await.unwrap();
    let told = by(&wharf, &alice, "ListAccessKeys", json!({})).await.unwrap_err();
    assert_eq!(told.code, "InvalidClientTokenId");
}

async fn the_root_has_keys_too(wharf: Wharf) {
    let made = done(&wharf, "CreateAccessKey", json!({})).await;
    assert_eq!(made["AccessKey"]["UserName"], ACCOUNT);
    let listed = done(&wharf, "ListAccessKeys", json!({})).await;
    assert_eq!(listed["AccessKeyMetadata"].as_array().unwrap().len(), 2);
    let user = done(&wharf, "GetUser", json!({})).await;
    assert_eq!(user["User"]["Arn"], arn("root"));
    assert_eq!(user["User"]["UserId"], ACCOUNT);
    assert_eq!(user["User"].get("UserName"), None);
    let summary = done(&wharf, "GetAccountSummary", json!({})).await;
    assert_eq!(summary["SummaryMap"]["AccountAccessKeysPresent"], 1);
    assert_eq!(summary["SummaryMap"]["AccessKeysPerUserQuota"], 2);
}

async fn a_key_is_used_and_told(wharf: Wharf) {
    let alice = wharf.user("alice").await;
    let key = json!({ "AccessKeyId": alice.id });
    let unused = done(&wharf, "GetAccessKeyLastUsed", key.clone()).await;
    let never = json!({ "ServiceName": "N/A", "Region": "N/A" });
    assert_eq!(unused["AccessKeyLastUsed"], never);
    let unknown = json!({ "AccessKeyId": "AKIAABCDEFGHIJKLMNOP" });
    let unknown = oracle::iam(&wharf, "GetAccessKeyLastUsed", unknown).await.unwrap_err();
    assert_eq!((unknown.code.as_str(), unknown.status), ("AccessDenied", 403));
}
