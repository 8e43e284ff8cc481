//! Which members which answer has: listings leave out what single answers show.

use super::*;
use wharf_testkit::on_both;

on_both![answers_have_the_members_that_aws_gives_them, what_is_not_there_is_empty];

/// The names of the members of an object.
fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn answers_have_the_members_that_aws_gives_them(wharf: Wharf) {
    let fence = json!({ "PolicyName": "fence", "PolicyDocument": allow("ecr:*", "*"),
        "Description": "a fence" });
    let made = done(&wharf, "CreatePolicy", fence).await;
    let listed = [
        "Arn",
        "AttachmentCount",
        "CreateDate",
        "DefaultVersionId",
        "IsAttachable",
        "Path",
        "PermissionsBoundaryUsageCount",
        "PolicyId",
        "PolicyName",
        "UpdateDate",
    ];
    assert_eq!(members(&made["Policy"]), listed);
    let fence = arn("policy/fence");

    let tags = json!([{ "Key": "team", "Value": "blue" }]);
    let user = json!({ "UserName": "alice", "PermissionsBoundary": fence, "Tags": tags });
    let made = done(&wharf, "CreateUser", user).await;
    let whole = ["Arn", "CreateDate", "Path", "PermissionsBoundary", "Tags", "UserId", "UserName"];
    assert_eq!(members(&made["User"]), whole);
    let boundary = json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": fence });
    assert_eq!(made["User"]["PermissionsBoundary"], boundary);
    assert_eq!(done(&wharf, "GetUser", json!({ "UserName": "alice" })).await, made);
    let listed = done(&wharf, "ListUsers", json!({})).await;
    let plain = ["Arn", "CreateDate", "Path", "UserId", "UserName"];
    assert_eq!(members(&listed["Users"][0]), plain);

    let policy = done(&wharf, "GetPolicy", json!({ "PolicyArn": fence })).await;
    assert_eq!(policy["Policy"]["PermissionsBoundaryUsageCount"], 1);
    assert_eq!(policy["Policy"]["Description"], "a fence");
    assert_eq!(policy["Policy"]["Tags"], json!([]));
    let bounded = json!({ "PolicyArn": fence, "PolicyUsageFilter": "PermissionsBoundary" });
    let bounded = done(&wharf, "ListEntitiesForPolicy", bounded).await;
    assert_eq!(bounded["PolicyUsers"][0]["UserName"], "alice");

    roles(&wharf, &fence).await;
    providers(&wharf).await;
}

async fn roles(wharf: &Wharf, fence: &str) {
    let role = json!({ "RoleName": "ci", "AssumeRolePolicyDocument": trust(),
        "Description": "of CI", "PermissionsBoundary": fence });
    let made = done(wharf, "CreateRole", role).await;
    let of_new = [
        "Arn",
        "AssumeRolePolicyDocument",
        "CreateDate",
        "Description",
        "Path",
        "PermissionsBoundary",
        "RoleId",
        "RoleName",
    ];
    assert_eq!(members(&made["Role"]), of_new);
    let name = json!({ "RoleName": "ci" });
    let got = done(wharf, "GetRole", name.clone()).await;
    assert_eq!(got["Role"]["RoleLastUsed"], json!({}));
    assert_eq!(got["Role"]["MaxSessionDuration"], 3600);
    let listed = done(wharf, "ListRoles", json!({})).await;
    let of_list = [
        "Arn",
        "AssumeRolePolicyDocument",
        "CreateDate",
        "Description",
        "MaxSessionDuration",
        "Path",
        "RoleId",
        "RoleName",
    ];
    assert_eq!(members(&listed["Roles"][0]), of_list);
    let longer = json!({ "RoleName": "ci", "MaxSessionDuration": 7200 });
    assert_eq!(done(wharf, "UpdateRole", longer).await, json!({}));
    let told = json!({ "RoleName": "ci", "Description": "" });
    let told = done(wharf, "UpdateRoleDescription", told).await;
    assert_eq!(
        (&told["Role"]["MaxSessionDuration"], &told["Role"]["Description"]),
        (&json!(7200), &json!(""))
    );
    done(wharf, "DeleteRolePermissionsBoundary", name.clone()).await;
    assert_eq!(done(wharf, "GetRole", name).await["Role"].get("PermissionsBoundary"), None);
}

async fn providers(wharf: &Wharf) {
    let print = "A".repeat(40);
    let new = json!({ "Url": "https://issuer.example/a", "ClientIDList": ["sts.amazonaws.com"],
        "ThumbprintList": [print] });
    let made = done(wharf, "CreateOpenIDConnectProvider", new).await;
    let own = arn("oidc-provider/issuer.example/a");
    assert_eq!(made, json!({ "OpenIDConnectProviderArn": own }));
    let named = json!({ "OpenIDConnectProviderArn": own });
    let got = done(wharf, "GetOpenIDConnectProvider", named).await;
    assert_eq!(got["Url"], "issuer.example/a");
    assert_eq!(got["ThumbprintList"], json!([print.to_lowercase()]));
    assert_eq!(got["ClientIDList"], json!(["sts.amazonaws.com"]));
    let listed = done(wharf, "ListOpenIDConnectProviders", json!({})).await;
    assert_eq!(listed, json!({ "OpenIDConnectProviderList": [{ "Arn": own }] }));
}

async fn what_is_not_there_is_empty(wharf: Wharf) {
    wharf.user("alice").await;
    let user = json!({ "UserName": "alice" });
    for (operation, member, input) in [
        ("ListMFADevices", "MFADevices", user.clone()),
        ("ListSSHPublicKeys", "SSHPublicKeys", user.clone()),
        ("ListSigningCertificates", "Certificates", user.clone()),
        ("ListServiceSpecificCredentials", "ServiceSpecificCredentials", user),
        ("ListVirtualMFADevices", "VirtualMFADevices", json!({})),
        ("ListServerCertificates", "ServerCertificateMetadataList", json!({})),
        ("ListSAMLProviders", "SAMLProviderList", json!({})),
        ("ListInstanceProfiles", "InstanceProfiles", json!({})),
    ] {
        assert_eq!(done(&wharf, operation, input).await[member], json!([]), "{operation}");
        let eve = json!({ "UserName": "eve" });
        if !matches!(member, "MFADevices" | "SSHPublicKeys" | "Certificates") {
            continue;
        }
        let told = oracle::iam(&wharf, operation, eve).await.unwrap_err();
        assert_eq!(told.code, "NoSuchEntity", "{operation}");
    }
}
