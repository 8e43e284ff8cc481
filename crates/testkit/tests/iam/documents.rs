//! Documents come back byte for byte, percent-encoded as RFC 3986 has it.

use super::*;
use wharf_testkit::on_both;

on_both![documents_come_back_as_they_were_given];

/// What decoders trip over: blanks, a plus, an escape, Latin-1, quotes.
const RESOURCE: &str = "arn:aws:ecr:*:*:repository/a+b%3A~é \\\"x\\\"";

async fn documents_come_back_as_they_were_given(wharf: Wharf) {
    let document = format!(
        "{{\n\t\"Version\" : \"2012-10-17\",\r\n \"Statement\": [{{\"Resource\":\"{RESOURCE}\",\
         \"Effect\":\"Allow\",\"Action\":\"ecr:*\"}}]\n}}"
    );
    wharf.user("alice").await;
    done(&wharf, "CreateGroup", json!({ "GroupName": "crew" })).await;
    let trust = trust().replace(",", " ,\n\t");
    done(&wharf, "CreateRole", json!({ "RoleName": "ci", "AssumeRolePolicyDocument": trust }))
        .await;
    for (kind, name) in [("User", "alice"), ("Group", "crew"), ("Role", "ci")] {
        let key = format!("{kind}Name");
        let put = json!({ &key: name, "PolicyName": "p", "PolicyDocument": document });
        done(&wharf, &format!("Put{kind}Policy"), put).await;
        let get = json!({ &key: name, "PolicyName": "p" });
        let told = done(&wharf, &format!("Get{kind}Policy"), get).await;
        assert_eq!(told[&key], name);
        assert_encoded(&told["PolicyDocument"], &document);
    }
    let made = json!({ "PolicyName": "p", "PolicyDocument": document });
    done(&wharf, "CreatePolicy", made).await;
    let get = json!({ "PolicyArn": arn("policy/p"), "VersionId": "v1" });
    let told = done(&wharf, "GetPolicyVersion", get).await;
    assert_encoded(&told["PolicyVersion"]["Document"], &document);
    let told = done(&wharf, "GetRole", json!({ "RoleName": "ci" })).await;
    assert_encoded(&told["Role"]["AssumeRolePolicyDocument"], &trust);

    let all = done(&wharf, "GetAccountAuthorizationDetails", json!({})).await;
    let user = &all["UserDetailList"][0];
    assert_encoded(&user["UserPolicyList"][0]["PolicyDocument"], &document);
    assert_encoded(&all["RoleDetailList"][0]["AssumeRolePolicyDocument"], &trust);
    assert_encoded(&all["Policies"][0]["PolicyVersionList"][0]["Document"], &document);
    let users = json!({ "Filter": ["User"] });
    let users = done(&wharf, "GetAccountAuthorizationDetails", users).await;
    assert_eq!(users["UserDetailList"], all["UserDetailList"]);
    assert_eq!(users["RoleDetailList"], json!([]));
}

fn assert_encoded(told: &Value, document: &str) {
    let told = told.as_str().unwrap();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    assert!(told.bytes().all(plain), "{told}");
    assert_eq!(wharf_testkit::oracle::decoded(told), document);
}
