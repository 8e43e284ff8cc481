//! Each sentence of IAM's that clients and people look for, in the situation where it is told.

use super::*;
use wharf_testkit::on_both;

on_both![each_refusal_has_its_code_its_status_and_its_words, what_is_full_says_so];

type Row = (&'static str, Value, u16, &'static str, String);

/// A user, a group, a role and a policy, each with something on it.
async fn arrange(wharf: &Wharf) {
    let steps = [
        ("CreateUser", json!({ "UserName": "alice" })),
        ("CreateUser", json!({ "UserName": "bob" })),
        ("CreateGroup", json!({ "GroupName": "crew" })),
        ("CreateGroup", json!({ "GroupName": "spare" })),
        ("CreateRole", json!({ "RoleName": "ci", "AssumeRolePolicyDocument": trust() })),
        ("CreatePolicy", json!({ "PolicyName": "push", "PolicyDocument": allow("ecr:*", "*") })),
        ("CreatePolicy", json!({ "PolicyName": "pull", "PolicyDocument": allow("ecr:*", "*") })),
        (
            "CreatePolicyVersion",
            json!({ "PolicyArn": arn("policy/pull"), "PolicyDocument": allow("ecr:*", "*") }),
        ),
        ("AttachUserPolicy", json!({ "UserName": "alice", "PolicyArn": arn("policy/push") })),
        ("AddUserToGroup", json!({ "UserName": "bob", "GroupName": "crew" })),
        (
            "PutRolePolicy",
            json!({ "RoleName": "ci", "PolicyName": "p", "PolicyDocument": allow("ecr:*", "*") }),
        ),
        ("CreateOpenIDConnectProvider", json!({ "Url": "https://issuer.example" })),
        ("CreateAccountAlias", json!({ "AccountAlias": "wharf-test" })),
    ];
    for (operation, input) in steps {
        done(wharf, operation, input).await;
    }
}

async fn each_refusal_has_its_code_its_status_and_its_words(wharf: Wharf) {
    arrange(&wharf).await;
    let rows: Vec<Row> =
        [absent(), taken(), in_use(), invalid(), documents()].into_iter().flatten().collect();
    for (operation, input, status, code, message) in rows {
        let told = oracle::iam(&wharf, operation, input.clone()).await;
        let expected = ApiError::plain(code, &message).with_status(status);
        assert_eq!(told, Err(expected), "{operation}({input})");
    }
}

fn no(operation: &'static str, input: Value, message: impl Into<String>) -> Row {
    (operation, input, 404, "NoSuchEntity", message.into())
}

fn absent() -> Vec<Row> {
    let provider = arn("oidc-provider/nobody.example");
    let gone = arn("policy/gone");
    vec![
        no("GetUser", json!({ "UserName": "eve" }), "The user with name eve cannot be found."),
        no("GetGroup", json!({ "GroupName": "x" }), "The group with name x cannot be found."),
        no("GetRole", json!({ "RoleName": "x" }), "The role with name x cannot be found."),
        no(
            "GetUserPolicy",
            json!({ "UserName": "alice", "PolicyName": "x" }),
            "The user policy with name x cannot be found.",
        ),
        no(
            "GetGroupPolicy",
            json!({ "GroupName": "crew", "PolicyName": "x" }),
            "The group policy with name x cannot be found.",
        ),
        no(
            "DeleteRolePolicy",
            json!({ "RoleName": "ci", "PolicyName": "x" }),
            "The role policy with name x cannot be found.",
        ),
        no("GetPolicy", json!({ "PolicyArn": gone }), format!("Policy {gone} was not found.")),
        no("DeletePolicy", json!({ "PolicyArn": gone }), format!("Policy {gone} was not found.")),
        no(
            "DetachUserPolicy",
            json!({ "UserName": "alice", "PolicyArn": gone }),
            format!("Policy {gone} was not found."),
        ),
        no(
            "AttachUserPolicy",
            json!({ "UserName": "alice", "PolicyArn": gone }),
            format!("Policy {gone} does not exist or is not attachable."),
        ),
        no(
            "GetPolicyVersion",
            json!({ "PolicyArn": arn("policy/push"), "VersionId": "v9" }),
            format!(
                "Policy {} version v9 does not exist or is not attachable.",
                arn("policy/push")
            ),
        ),
        no(
            "UpdateAccessKey",
            json!({ "UserName": "alice", "AccessKeyId": "AKIAABCDEFGHIJKLMNOP", "Status": "Active" }),
            "The Access Key with id AKIAABCDEFGHIJKLMNOP cannot be found",
        ),
        no(
            "GetOpenIDConnectProvider",
            json!({ "OpenIDConnectProviderArn": provider }),
            format!("OpenIDConnect Provider not found for arn {provider}"),
        ),
        no(
            "DeleteOpenIDConnectProvider",
            json!({ "OpenIDConnectProviderArn": provider }),
            format!("OpenId connect Provider {provider} cannot be found."),
        ),
        no(
            "GetLoginProfile",
            json!({ "UserName": "alice" }),
            "Login Profile for User alice cannot be found.",
        ),
        no(
            "GetAccountPasswordPolicy",
            json!({}),
            format!("The Password Policy with domain name {ACCOUNT} cannot be found."),
        ),
        no(
            "ListInstanceProfilesForRole",
            json!({ "RoleName": "x" }),
            "The role with name x cannot be found.",
        ),
    ]
}

fn taken() -> Vec<Row> {
    let exists = |operation, input, message: &str| {
        (operation, input, 409, "EntityAlreadyExists", message.to_owned())
    };
    vec![
        exists(
            "CreateUser",
            json!({ "UserName": "ALICE" }),
            "User with name ALICE already exists.",
        ),
        exists(
            "CreateGroup",
            json!({ "GroupName": "crew" }),
            "Group with name crew already exists.",
        ),
        exists(
            "CreateRole",
            json!({ "RoleName": "CI", "AssumeRolePolicyDocument": trust() }),
            "Role with name CI already exists.",
        ),
        exists(
            "CreatePolicy",
            json!({ "PolicyName": "push", "PolicyDocument": allow("ecr:*", "*") }),
            "A policy called push already exists. Duplicate names are not allowed.",
        ),
        exists(
            "CreateOpenIDConnectProvider",
            json!({ "Url": "https://issuer.example" }),
            "Provider with url https://issuer.example already exists.",
        ),
        exists(
            "UpdateGroup",
            json!({ "GroupName": "spare", "NewGroupName": "crew" }),
            "Group with name crew already exists.",
        ),
    ]
}

fn in_use() -> Vec<Row> {
    let conflict = |operation, input, message: &str| {
        (operation, input, 409, "DeleteConflict", message.to_owned())
    };
    vec![
        conflict(
            "DeleteUser",
            json!({ "UserName": "alice" }),
            "Cannot delete entity, must detach all policies first.",
        ),
        conflict(
            "DeleteUser",
            json!({ "UserName": "bob" }),
            "Cannot delete entity, must remove user from groups first.",
        ),
        conflict(
            "DeleteGroup",
            json!({ "GroupName": "crew" }),
            "Cannot delete entity, must remove users from group first.",
        ),
        conflict(
            "DeleteRole",
            json!({ "RoleName": "ci" }),
            "Cannot delete entity, must delete policies first.",
        ),
        conflict(
            "DeletePolicy",
            json!({ "PolicyArn": arn("policy/push") }),
            "Cannot delete a policy attached to entities.",
        ),
        conflict(
            "DeletePolicy",
            json!({ "PolicyArn": arn("policy/pull") }),
            "This policy has more than one version. Before you delete a policy, you must delete the \
             policy's versions. The default version is deleted with the policy.",
        ),
        conflict(
            "DeletePolicyVersion",
            json!({ "PolicyArn": arn("policy/pull"), "VersionId": "v1" }),
            "Cannot delete the default version of a policy.",
        ),
    ]
}

fn invalid() -> Vec<Row> {
    let validation = |operation, input, message: &str| {
        (operation, input, 400, "ValidationError", message.to_owned())
    };
    let input = |operation, input, message: &str| {
        (operation, input, 400, "InvalidInput", message.to_owned())
    };
    let twice = json!([{ "Key": "a", "Value": "" }, { "Key": "A", "Value": "" }]);
    let same = json!([{ "Key": "a", "Value": "" }, { "Key": "a", "Value": "" }]);
    vec![
        validation(
            "CreateUser",
            json!({}),
            "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member \
             must not be null",
        ),
        validation(
            "CreateUser",
            json!({ "UserName": "a b" }),
            "The specified value for userName is invalid. It must contain only alphanumeric \
             characters and/or the following: +=,.@_-",
        ),
        validation(
            "CreateRole",
            json!({ "RoleName": "r", "Path": "x", "AssumeRolePolicyDocument": trust() }),
            "The specified value for path is invalid. It must begin and end with / and contain only \
             alphanumeric characters and/or / characters.",
        ),
        validation(
            "ListUsers",
            json!({ "PathPrefix": "x" }),
            "The specified value for pathPrefix is invalid. It must begin with the / character and \
             contain only alphanumeric characters and/or / characters.",
        ),
        validation(
            "ListUsers",
            json!({ "MaxItems": 1001 }),
            "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member \
             must have value less than or equal to 1000",
        ),
        validation(
            "UpdateAccessKey",
            json!({ "UserName": "alice", "AccessKeyId": "AKIAABCDEFGHIJKLMNOP", "Status": "Expired" }),
            "1 validation error detected: Value at 'status' failed to satisfy constraint: Member \
             must satisfy enum value set: [Active, Inactive]",
        ),
        validation(
            "AttachUserPolicy",
            json!({ "UserName": "alice", "PolicyArn": "no ARN but long enough" }),
            "Invalid ARN:  Could not be parsed!",
        ),
        validation(
            "CreateOpenIDConnectProvider",
            json!({ "Url": "issuer.example" }),
            "Invalid Open ID Connect Provider URL",
        ),
        input(
            "CreateOpenIDConnectProvider",
            json!({ "Url": "http://issuer.example" }),
            "Invalid Open ID Connect Provider URL. The URL must begin with https://.",
        ),
        input(
            "CreateOpenIDConnectProvider",
            json!({ "Url": "https://issuer.example?a=b" }),
            "Invalid Open ID Connect Provider URL.",
        ),
        input(
            "TagUser",
            json!({ "UserName": "alice", "Tags": twice }),
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        input(
            "TagOpenIDConnectProvider",
            json!({ "OpenIDConnectProviderArn": arn("oidc-provider/issuer.example"), "Tags": same }),
            "Duplicate tag keys found.",
        ),
        (
            "ChangePassword",
            json!({ "OldPassword": "old", "NewPassword": "new" }),
            400,
            "InvalidUserType",
            "Only IAM Users can change their own password".to_owned(),
        ),
    ]
}

fn documents() -> Vec<Row> {
    let malformed = |operation, input, message: &str| {
        (operation, input, 400, "MalformedPolicyDocument", message.to_owned())
    };
    let put = |document: &str| json!({ "UserName": "alice", "PolicyName": "p", "PolicyDocument": document });
    let nobody = trust().replace(":root", ":user/nobody");
    let principal = format!("Invalid principal in policy: \"AWS\":\"{}\"", arn("user/nobody"));
    vec![
        malformed("PutUserPolicy", put("{"), "Syntax errors in policy."),
        malformed(
            "PutUserPolicy",
            put(&trust().replace("\"Action\"", "\"Resource\":\"*\",\"Action\"")),
            "Policy document should not specify a principal.",
        ),
        malformed(
            "CreateRole",
            json!({ "RoleName": "r", "AssumeRolePolicyDocument": "{" }),
            "This policy contains invalid Json",
        ),
        malformed(
            "UpdateAssumeRolePolicy",
            json!({ "RoleName": "ci", "PolicyDocument": nobody }),
            &principal,
        ),
        // Who is missing is told before what is wrong.
        no(
            "PutUserPolicy",
            json!({ "UserName": "eve", "PolicyName": "p", "PolicyDocument": "{" }),
            "The user with name eve cannot be found.",
        ),
    ]
}

async fn what_is_full_says_so(wharf: Wharf) {
    wharf.user("alice").await;
    wharf.key_of("alice").await;
    let full = |message: &str| Err(ApiError::plain("LimitExceeded", message).with_status(409));
    let told = oracle::iam(&wharf, "CreateAccessKey", json!({ "UserName": "alice" })).await;
    assert_eq!(told, full("Cannot exceed quota for AccessKeysPerUser: 2"));

    let document = allow("ecr:*", "*");
    let made = json!({ "PolicyName": "p", "PolicyDocument": document });
    done(&wharf, "CreatePolicy", made).await;
    let version = json!({ "PolicyArn": arn("policy/p"), "PolicyDocument": document });
    for _ in 0..4 {
        done(&wharf, "CreatePolicyVersion", version.clone()).await;
    }
    let told = oracle::iam(&wharf, "CreatePolicyVersion", version).await;
    let sentence = "A managed policy can have up to 5 versions. Before you create a new version, \
                    you must delete an existing version.";
    assert_eq!(told, full(sentence));

    let long = allow("ecr:*", &format!("arn:aws:ecr:*:*:repository/{}", "a".repeat(2000)));
    let input = json!({ "UserName": "alice", "PolicyName": "p", "PolicyDocument": long });
    let told = oracle::iam(&wharf, "PutUserPolicy", input).await;
    assert_eq!(told, full("Maximum policy size of 2048 bytes exceeded for user alice"));
}
