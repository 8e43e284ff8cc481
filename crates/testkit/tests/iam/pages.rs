//! Listings page by page: every page but the last is full, nothing is told twice or left out, and a
//! marker opens only the listing that it is from.

use std::collections::BTreeSet;

use super::*;
use wharf_testkit::on_both;

on_both![listings_go_on_where_they_stopped, a_marker_belongs_to_its_listing];

/// All of a listing, two at a time.
async fn all(wharf: &Wharf, operation: &str, member: &str, mut input: Value) -> Vec<Value> {
    let mut found = Vec::new();
    input["MaxItems"] = 2.into();
    loop {
        let page = done(wharf, operation, input.clone()).await;
        let rows = page[member].as_array().unwrap();
        found.extend(rows.iter().cloned());
        assert!(rows.len() <= 2, "{operation}: {page}");
        match page.get("Marker") {
            Some(marker) => {
                assert_eq!((rows.len(), &page["IsTruncated"]), (2, &json!(true)), "{operation}");
                assert!(marker.as_str().unwrap().len() <= 320);
                input["Marker"] = marker.clone();
            }
            None => {
                assert_eq!(page["IsTruncated"], false, "{operation}");
                return found;
            }
        }
    }
}

async fn listings_go_on_where_they_stopped(wharf: Wharf) {
    let document = allow("ecr:*", "*");
    done(&wharf, "CreateGroup", json!({ "GroupName": "all" })).await;
    for number in 0..5 {
        let name = format!("n{number}");
        let path = if number < 3 { "/low/" } else { "/high/" };
        done(&wharf, "CreateUser", json!({ "UserName": name, "Path": path })).await;
        done(&wharf, "CreateGroup", json!({ "GroupName": name, "Path": path })).await;
        let role = json!({ "RoleName": name, "Path": path, "AssumeRolePolicyDocument": trust() });
        done(&wharf, "CreateRole", role).await;
        let made = json!({ "PolicyName": name, "Path": path, "PolicyDocument": document });
        let made = done(&wharf, "CreatePolicy", made).await;
        done(&wharf, "AddUserToGroup", json!({ "UserName": name, "GroupName": "all" })).await;
        done(&wharf, "AddUserToGroup", json!({ "UserName": "n0", "GroupName": name })).await;
        let attach = json!({ "UserName": "n0", "PolicyArn": made["Policy"]["Arn"] });
        done(&wharf, "AttachUserPolicy", attach).await;
        may(&wharf, "n0", &name, &document).await;
        let long = format!("{}{number}", "é".repeat(127));
        let tags = json!({ "UserName": "n0", "Tags": [{ "Key": long, "Value": "" }] });
        done(&wharf, "TagUser", tags).await;
        let attach = json!({ "UserName": name, "PolicyArn": arn("policy/low/n0") });
        done(&wharf, "AttachUserPolicy", attach).await;
    }
    let user = json!({ "UserName": "n0" });
    for (operation, member, name, input, expected) in [
        ("ListUsers", "Users", "UserName", json!({}), 5),
        ("ListUsers", "Users", "UserName", json!({ "PathPrefix": "/low/" }), 3),
        ("ListGroups", "Groups", "GroupName", json!({}), 6),
        ("ListRoles", "Roles", "RoleName", json!({ "PathPrefix": "/high/" }), 2),
        ("ListPolicies", "Policies", "PolicyName", json!({ "Scope": "Local" }), 5),
        ("ListPolicies", "Policies", "PolicyName", json!({ "OnlyAttached": true }), 5),
        ("GetGroup", "Users", "UserName", json!({ "GroupName": "all" }), 5),
        ("ListGroupsForUser", "Groups", "GroupName", user.clone(), 6),
        ("ListAttachedUserPolicies", "AttachedPolicies", "PolicyArn", user.clone(), 5),
        ("ListUserTags", "Tags", "Key", user.clone(), 5),
    ] {
        let rows = all(&wharf, operation, member, input.clone()).await;
        let names: BTreeSet<&str> = rows.iter().map(|row| row[name].as_str().unwrap()).collect();
        assert_eq!((rows.len(), names.len()), (expected, expected), "{operation}({input})");
    }
    assert_eq!(all(&wharf, "ListUserPolicies", "PolicyNames", user).await.len(), 5);
    let holders = json!({ "PolicyArn": arn("policy/low/n0"), "EntityFilter": "User" });
    assert_eq!(all(&wharf, "ListEntitiesForPolicy", "PolicyUsers", holders).await.len(), 5);
    let aws = all(&wharf, "ListPolicies", "Policies", json!({ "Scope": "AWS" })).await;
    let both = all(&wharf, "ListPolicies", "Policies", json!({})).await;
    assert_eq!(both.len(), aws.len() + 5);
    let users = json!({ "Filter": ["User"] });
    let users = all(&wharf, "GetAccountAuthorizationDetails", "UserDetailList", users).await;
    assert_eq!(users.len(), 5);
    assert_eq!(users[0]["GroupList"].as_array().unwrap().len(), 6);
}

async fn a_marker_belongs_to_its_listing(wharf: Wharf) {
    for name in ["a", "b"] {
        done(&wharf, "CreateUser", json!({ "UserName": name })).await;
    }
    let page = done(&wharf, "ListUsers", json!({ "MaxItems": 1 })).await;
    let marker = page["Marker"].clone();
    for (operation, input) in [
        ("ListGroups", json!({ "Marker": marker })),
        ("ListUsers", json!({ "Marker": marker, "PathPrefix": "/x/" })),
        ("ListUsers", json!({ "Marker": "made up" })),
    ] {
        let told = oracle::iam(&wharf, operation, input).await.unwrap_err();
        assert_eq!((told.code.as_str(), told.status), ("ValidationError", 400), "{operation}");
    }
}
