//! The gate of IAM: decided by path, tags, attached policy and boundary, and told without saying
//! what exists.

use super::*;
use wharf_testkit::on_both;

on_both![
    the_path_of_what_is_there_counts,
    a_refusal_does_not_tell_what_exists,
    nobody_moves_things_where_they_may_not,
    tags_of_the_request_and_of_what_is_there_count,
    only_some_policies_may_be_attached,
    who_makes_users_must_bound_them,
    a_denial_goes_before_everything,
];

fn denied(told: Result<Value, ApiError>) -> String {
    let error = told.expect_err("a refusal");
    assert_eq!((error.code.as_str(), error.status), ("AccessDenied", 403), "{error}");
    error.message
}

async fn the_path_of_what_is_there_counts(wharf: Wharf) {
    let ada = wharf.user("ada").await;
    may(&wharf, "ada", "team", &allow("iam:*User", &arn("user/team/*"))).await;
    for (name, path) in [("mine", "/team/"), ("other", "/")] {
        done(&wharf, "CreateUser", json!({ "UserName": name, "Path": path })).await;
    }
    let get = |name: &str| json!({ "UserName": name });
    let told = by(&wharf, &ada, "GetUser", get("mine")).await.unwrap();
    assert_eq!(told["User"]["Arn"], arn("user/team/mine"));
    denied(by(&wharf, &ada, "GetUser", get("other")).await);
    let made = json!({ "UserName": "new", "Path": "/team/" });
    by(&wharf, &ada, "CreateUser", made).await.unwrap();
    denied(by(&wharf, &ada, "CreateUser", json!({ "UserName": "newer" })).await);
    by(&wharf, &ada, "DeleteUser", get("mine")).await.unwrap();
    denied(by(&wharf, &ada, "DeleteUser", get("other")).await);
}

async fn a_refusal_does_not_tell_what_exists(wharf: Wharf) {
    let eve = wharf.user("eve").await;
    done(&wharf, "CreateUser", json!({ "UserName": "x", "Path": "/hidden/" })).await;
    done(&wharf, "CreateGroup", json!({ "GroupName": "x", "Path": "/hidden/" })).await;
    let role = json!({ "RoleName": "x", "Path": "/hidden/", "AssumeRolePolicyDocument": trust() });
    done(&wharf, "CreateRole", role).await;
    for (operation, key) in
        [("GetUser", "UserName"), ("GetGroup", "GroupName"), ("GetRole", "RoleName")]
    {
        let there = denied(by(&wharf, &eve, operation, json!({ key: "x" })).await);
        let not_there = denied(by(&wharf, &eve, operation, json!({ key: "y" })).await);
        assert!(there.contains("/x because no identity-based policy allows"), "{there}");
        assert_eq!(there.replace("/x ", "/y "), not_there);
    }
}

async fn nobody_moves_things_where_they_may_not(wharf: Wharf) {
    let ada = wharf.user("ada").await;
    may(&wharf, "ada", "team", &allow("iam:UpdateUser", &arn("user/team/*"))).await;
    done(&wharf, "CreateUser", json!({ "UserName": "mine", "Path": "/team/" })).await;
    let out = json!({ "UserName": "mine", "NewPath": "/admins/" });
    denied(by(&wharf, &ada, "UpdateUser", out).await);
    let renamed = json!({ "UserName": "mine", "NewUserName": "ours" });
    by(&wharf, &ada, "UpdateUser", renamed).await.unwrap();
    let inward = json!({ "UserName": "ada", "NewPath": "/team/" });
    denied(by(&wharf, &ada, "UpdateUser", inward).await);
}

async fn tags_of_the_request_and_of_what_is_there_count(wharf: Wharf) {
    let ada = wharf.user("ada").await;
    let tagged = |key: &str| Some(json!({ "StringEquals": { key: "blue" } }));
    let make = policy("Allow", "iam:CreateUser", "*", tagged("aws:RequestTag/team"));
    may(&wharf, "ada", "make", &make).await;
    let see = policy("Allow", "iam:GetUser", "*", tagged("iam:ResourceTag/team"));
    may(&wharf, "ada", "see", &see).await;
    let keys = json!({ "ForAllValues:StringEquals": { "aws:TagKeys": ["colour"] } });
    may(&wharf, "ada", "tag", &policy("Allow", "iam:*agUser", "*", Some(keys))).await;

    let tags = |value: &str| json!([{ "Key": "team", "Value": value }]);
    let blue = json!({ "UserName": "blue", "Tags": tags("blue") });
    by(&wharf, &ada, "CreateUser", blue).await.unwrap();
    denied(by(&wharf, &ada, "CreateUser", json!({ "UserName": "bare" })).await);
    let red = json!({ "UserName": "red", "Tags": tags("red") });
    denied(by(&wharf, &ada, "CreateUser", red.clone()).await);
    done(&wharf, "CreateUser", red).await;
    by(&wharf, &ada, "GetUser", json!({ "UserName": "blue" })).await.unwrap();
    denied(by(&wharf, &ada, "GetUser", json!({ "UserName": "red" })).await);

    let colour = json!({ "UserName": "red", "Tags": [{ "Key": "colour", "Value": "x" }] });
    by(&wharf, &ada, "TagUser", colour).await.unwrap();
    let untag = |key: &str| json!({ "UserName": "red", "TagKeys": [key] });
    by(&wharf, &ada, "UntagUser", untag("colour")).await.unwrap();
    denied(by(&wharf, &ada, "UntagUser", untag("team")).await);
}

async fn only_some_policies_may_be_attached(wharf: Wharf) {
    let ada = wharf.user("ada").await;
    let pull = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly";
    let condition = json!({ "ArnEquals": { "iam:PolicyARN": pull } });
    may(&wharf, "ada", "p", &policy("Allow", "iam:*tachUserPolicy", "*", Some(condition))).await;
    let input = |arn: &str| json!({ "UserName": "ada", "PolicyArn": arn });
    by(&wharf, &ada, "AttachUserPolicy", input(pull)).await.unwrap();
    by(&wharf, &ada, "DetachUserPolicy", input(pull)).await.unwrap();
    let all = "arn:aws:iam::aws:policy/AdministratorAccess";
    denied(by(&wharf, &ada, "AttachUserPolicy", input(all)).await);
}

async fn who_makes_users_must_bound_them(wharf: Wharf) {
    let ada = wharf.user("ada").await;
    let fence = json!({ "PolicyName": "fence", "PolicyDocument": allow("ecr:*", "*") });
    done(&wharf, "CreatePolicy", fence).await;
    let fence = arn("policy/fence");
    let condition = json!({ "StringEquals": { "iam:PermissionsBoundary": fence } });
    may(&wharf, "ada", "bounded", &policy("Allow", "iam:*User*", "*", Some(condition))).await;

    denied(by(&wharf, &ada, "CreateUser", json!({ "UserName": "free" })).await);
    let bounded = json!({ "UserName": "bounded", "PermissionsBoundary": fence });
    let made = by(&wharf, &ada, "CreateUser", bounded).await.unwrap();
    assert_eq!(made["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"], fence.as_str());
    let put = |user: &str| json!({ "UserName": user, "PolicyName": "all", "PolicyDocument": allow("*", "*") });
    by(&wharf, &ada, "PutUserPolicy", put("bounded")).await.unwrap();
    // Ada herself has no boundary, so she cannot give herself more.
    denied(by(&wharf, &ada, "PutUserPolicy", put("ada")).await);
    let key = wharf.key_of("bounded").await;
    let told = denied(by(&wharf, &key, "ListUsers", json!({})).await);
    assert!(told.ends_with("because no permissions boundary allows the iam:ListUsers action"));
}

async fn a_denial_goes_before_everything(wharf: Wharf) {
    let ada = wharf.user("ada").await;
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    let input = json!({ "UserName": "ada", "PolicyArn": admin });
    done(&wharf, "AttachUserPolicy", input).await;
    by(&wharf, &ada, "ListUsers", json!({})).await.unwrap();
    may(&wharf, "ada", "no", &policy("Deny", "iam:ListUsers", "*", None)).await;
    let told = denied(by(&wharf, &ada, "ListUsers", json!({})).await);
    let expected = format!(
        "User: {} is not authorized to perform: iam:ListUsers on resource: * with an explicit deny \
         in an identity-based policy",
        arn("user/ada")
    );
    assert_eq!(told, expected);
}
