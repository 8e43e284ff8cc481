//! Account settings and the registry as a whole: what is put is what is got, and what each setting
//! says is what happens.

use serde_json::{Value, json};
use wharf_testkit::{ACCOUNT, ApiError, V2, Wharf, on_both};

on_both![
    each_setting_has_its_default_and_takes_its_values,
    what_is_no_setting_or_no_value_is_refused,
    a_setting_belongs_to_one_registry,
    mounting_follows_the_setting_and_before_it_the_operator,
    the_registry_describes_itself,
];

async fn get(wharf: &Wharf, name: &str) -> Value {
    let got = wharf.api("GetAccountSetting", json!({ "name": name })).await.unwrap();
    assert_eq!(got["name"], name);
    got["value"].clone()
}

async fn put(wharf: &Wharf, name: &str, value: &str) -> Result<Value, ApiError> {
    wharf.api("PutAccountSetting", json!({ "name": name, "value": value })).await
}

async fn each_setting_has_its_default_and_takes_its_values(mut wharf: Wharf) {
    let table = [
        ("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE", &["AWS_NATIVE"][..]),
        ("BLOB_MOUNTING", "ENABLED", &["DISABLED", "ENABLED"]),
        ("REGISTRY_POLICY_SCOPE", "V2", &["V1", "V2", "V1"]),
    ];
    for (name, default, values) in table {
        assert_eq!(get(&wharf, name).await, default);
        for value in values {
            let told = put(&wharf, name, value).await;
            assert_eq!(told, Ok(json!({ "name": name, "value": value })));
            assert_eq!(get(&wharf, name).await, *value);
        }
    }
    wharf.restart().await;
    for (name, _, values) in table {
        assert_eq!(get(&wharf, name).await, *values.last().unwrap());
    }
}

async fn what_is_no_setting_or_no_value_is_refused(wharf: Wharf) {
    let enumerated = |path: &str, values: &str| {
        let reason = format!("Member must satisfy enum value set: [{values}]");
        let message =
            format!("Invalid parameter at '{path}' failed to satisfy constraint: '{reason}'");
        ApiError::plain("InvalidParameterException", &message)
    };
    let names = "BASIC_SCAN_TYPE_VERSION, BLOB_MOUNTING, REGISTRY_POLICY_SCOPE";
    let input = json!({ "name": "blob_mounting" });
    assert_eq!(wharf.api("GetAccountSetting", input).await, Err(enumerated("name", names)));
    assert_eq!(put(&wharf, "NONE", "V1").await, Err(enumerated("name", names)));
    for (name, value, values) in [
        ("BASIC_SCAN_TYPE_VERSION", "CLAIR", "AWS_NATIVE"),
        ("BLOB_MOUNTING", "on", "ENABLED, DISABLED"),
        ("REGISTRY_POLICY_SCOPE", "V3", "V1, V2"),
    ] {
        let before = get(&wharf, name).await;
        assert_eq!(put(&wharf, name, value).await, Err(enumerated("value", values)));
        assert_eq!(get(&wharf, name).await, before);
    }
}

async fn a_setting_belongs_to_one_registry(mut wharf: Wharf) {
    let west = wharf.credentials().in_region("us-west-2");
    let tenant = wharf.second_account("999999999999").await;
    put(&wharf, "REGISTRY_POLICY_SCOPE", "V1").await.unwrap();
    for other in [west, tenant] {
        let input = json!({ "name": "REGISTRY_POLICY_SCOPE" });
        let got = wharf.api_as(&other, "GetAccountSetting", input).await.unwrap();
        assert_eq!(got["value"], "V2");
    }
}

async fn mounts(v2: &V2, digest: &str) -> u16 {
    let target = format!("/v2/app/blobs/uploads/?mount={digest}&from=source");
    let answer = v2.post(&target, "").await;
    if answer.status == 201 {
        assert_eq!(v2.delete(&format!("/v2/app/blobs/{digest}")).await.status, 202);
    }
    answer.status
}

async fn mounting_follows_the_setting_and_before_it_the_operator(mut wharf: Wharf) {
    wharf.restart_with(&[("blob_mounting", "off")]).await;
    wharf.repository("source").await;
    wharf.repository("app").await;
    let digest = wharf.v2().await.push_blob("source", "layer").await;
    assert_eq!(get(&wharf, "BLOB_MOUNTING").await, "DISABLED");
    assert_eq!(mounts(&wharf.v2().await, &digest).await, 202);
    for (value, status) in [("ENABLED", 201), ("DISABLED", 202), ("ENABLED", 201)] {
        put(&wharf, "BLOB_MOUNTING", value).await.unwrap();
        assert_eq!(mounts(&wharf.v2().await, &digest).await, status, "{value}");
    }
    put(&wharf, "BLOB_MOUNTING", "DISABLED").await.unwrap();
    wharf.restart_with(&[("blob_mounting", "on")]).await;
    assert_eq!(mounts(&wharf.v2().await, &digest).await, 202, "what was put holds");
}

async fn the_registry_describes_itself(wharf: Wharf) {
    let expected = json!({ "registryId": ACCOUNT, "replicationConfiguration": { "rules": [] } });
    assert_eq!(wharf.api("DescribeRegistry", json!({})).await, Ok(expected));
}
