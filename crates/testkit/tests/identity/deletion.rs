//! What hangs on something keeps it, in AWS's order and with its sentences; and what is gone is gone.

use wharf_identity::{Kind, Owner};
use wharf_testkit::{Wharf, on_both};

use super::*;

on_both![
    who_holds_something_is_not_deleted,
    a_policy_in_use_is_not_deleted,
    versions_have_numbers_that_are_used_once,
    what_is_not_there_is_told_so,
    a_closed_account_leaves_nothing,
];

const DETACH: &str = "Cannot delete entity, must detach all policies first.";
const INLINE: &str = "Cannot delete entity, must delete policies first.";

async fn delete(identity: &Identity, kind: Kind) -> Result<(), wharf_identity::Error> {
    let account = account();
    match kind {
        Kind::User => identity.delete_user(&account, "x").await,
        Kind::Group => identity.delete_group(&account, "X").await,
        _ => identity.delete_role(&account, "X").await,
    }
}

/// Everything at once; then one thing after the other is taken away.
async fn who_holds_something_is_not_deleted(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    for kind in [Kind::User, Kind::Group, Kind::Role] {
        create(&identity, kind, &named("x")).await.unwrap();
        identity.attach(&account, kind, "x", PULL_ONLY).await.unwrap();
        identity.put_inline(&account, kind, "x", "p", &allow("ecr:*")).await.unwrap();
    }
    identity.join(&account, "x", "x").await.unwrap();
    let id = identity.entity(&account, Kind::User, "x").await.unwrap().id;
    let key = key(&identity, &id).await;
    identity.create_login_profile(&account, "x", "Passw0rd-1", false, NOW).await.unwrap();

    let members = "Cannot delete entity, must remove users from group first.";
    refused(delete(&identity, Kind::Group).await, "DeleteConflict", members);
    for kind in [Kind::User, Kind::Role] {
        refused(delete(&identity, kind).await, "DeleteConflict", DETACH);
    }
    for kind in [Kind::User, Kind::Group, Kind::Role] {
        identity.detach(&account, kind, "x", PULL_ONLY).await.unwrap();
    }
    for kind in [Kind::User, Kind::Role] {
        refused(delete(&identity, kind).await, "DeleteConflict", INLINE);
        identity.delete_inline(&account, kind, "x", "p").await.unwrap();
    }
    delete(&identity, Kind::Role).await.unwrap();

    let keys = "Cannot delete entity, must delete access keys first.";
    refused(delete(&identity, Kind::User).await, "DeleteConflict", keys);
    identity.delete_key(Owner { account: &account, user: Some(&id) }, &key).await.unwrap();
    let profile = "Cannot delete entity, must delete login profile first.";
    refused(delete(&identity, Kind::User).await, "DeleteConflict", profile);
    identity.delete_login_profile(&account, "x").await.unwrap();
    let groups = "Cannot delete entity, must remove user from groups first.";
    refused(delete(&identity, Kind::User).await, "DeleteConflict", groups);
    identity.leave(&account, "x", "x").await.unwrap();
    delete(&identity, Kind::User).await.unwrap();
    refused(delete(&identity, Kind::Group).await, "DeleteConflict", INLINE);
    identity.delete_inline(&account, Kind::Group, "x", "p").await.unwrap();
    delete(&identity, Kind::Group).await.unwrap();
    let gone = "The user with name x cannot be found.";
    refused(delete(&identity, Kind::User).await, "NoSuchEntity", gone);
}

async fn a_policy_in_use_is_not_deleted(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    create(&identity, Kind::Policy, &named("p")).await.unwrap();
    user(&identity, "u").await;
    let arn = format!("arn:aws:iam::{account}:policy/p");
    let attached = "Cannot delete a policy attached to entities.";
    identity.attach(&account, Kind::User, "u", &arn).await.unwrap();
    refused(identity.delete_policy(&account, &arn).await, "DeleteConflict", attached);
    identity.detach(&account, Kind::User, "u", &arn).await.unwrap();
    identity.bound(&account, Kind::User, "u", Some(&arn)).await.unwrap();
    refused(identity.delete_policy(&account, &arn).await, "DeleteConflict", attached);
    identity.bound(&account, Kind::User, "u", None).await.unwrap();
    identity.create_version(&account, &arn, &allow("ecr:*"), false, NOW).await.unwrap();
    refused(
        identity.delete_policy(&account, &arn).await,
        "DeleteConflict",
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
    );
    identity.delete_version(&account, &arn, "v2").await.unwrap();
    identity.delete_policy(&account, &arn).await.unwrap();
    let gone = format!("Policy {arn} was not found.");
    refused(identity.delete_policy(&account, &arn).await, "NoSuchEntity", &gone);
}

async fn versions_have_numbers_that_are_used_once(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    create(&identity, Kind::Policy, &named("p")).await.unwrap();
    let arn = format!("arn:aws:iam::{account}:policy/p");
    let add = async |document: &str, default| {
        identity.create_version(&account, &arn, document, default, NOW + 1).await.unwrap().number
    };
    let spaced = allow("ecr:Get*").replace(',', " ,\n\t");
    assert_eq!(add(&spaced, false).await, 2);
    identity.delete_version(&account, &arn, "v2").await.unwrap();
    assert_eq!(add(&spaced, true).await, 3);
    assert_eq!(identity.version(&account, &arn, "v3").await.unwrap().document, spaced);
    let default = identity.delete_version(&account, &arn, "v3").await;
    refused(default, "DeleteConflict", "Cannot delete the default version of a policy.");
    identity.set_default_version(&account, &arn, "v1", NOW + 2).await.unwrap();
    identity.delete_version(&account, &arn, "v3").await.unwrap();
    assert_eq!(add(&spaced, false).await, 4);
    let versions = identity.versions(&account, &arn).await.unwrap();
    let told: Vec<_> = versions.iter().map(|v| (v.number, v.is_default)).collect();
    assert_eq!(told, [(4, false), (1, true)]);
    for version in ["v2", "v3", "v9", "4", "v", "v-1", "V4"] {
        let sentence =
            format!("Policy {arn} version {version} does not exist or is not attachable.");
        let found = identity.version(&account, &arn, version).await;
        refused(found, "NoSuchEntity", &sentence);
    }
}

async fn what_is_not_there_is_told_so(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    let alice = user(&identity, "alice").await;
    create(&identity, Kind::Group, &named("g")).await.unwrap();
    create(&identity, Kind::Policy, &named("p")).await.unwrap();
    let own = format!("arn:aws:iam::{account}:policy/p");
    let unparsed = "Invalid ARN:  Could not be parsed!";
    for arn in [
        format!("arn:aws:iam::{account}:policy/none"),
        format!("arn:aws:iam::{account}:policy/path/p"),
        format!("arn:aws:iam::{account}:user/alice"),
        "arn:aws:iam::999999999999:policy/p".to_owned(),
        "arn:aws:iam::aws:policy/NoSuchPolicy".to_owned(),
    ] {
        let attached = identity.attach(&account, Kind::User, "alice", &arn).await;
        let sentence = format!("Policy {arn} does not exist or is not attachable.");
        refused(attached, "NoSuchEntity", &sentence);
        let bound = identity.bound(&account, Kind::User, "alice", Some(&arn)).await;
        refused(bound, "NoSuchEntity", &sentence);
        let sentence = format!("Policy {arn} was not found.");
        refused(identity.policy(&account, &arn).await, "NoSuchEntity", &sentence);
        let detached = identity.detach(&account, Kind::User, "alice", &arn).await;
        refused(detached, "NoSuchEntity", &sentence);
    }
    let attached = identity.attach(&account, Kind::User, "alice", "p").await;
    refused(attached, "ValidationError", unparsed);
    refused(identity.policy(&account, "p").await, "ValidationError", unparsed);
    let detached = identity.detach(&account, Kind::User, "alice", &own).await;
    refused(detached, "NoSuchEntity", &format!("Policy {own} was not found."));
    let service = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy";
    let attached = identity.attach(&account, Kind::User, "alice", service).await;
    let sentence = "Cannot attach a Service Role Policy to a Customer User.";
    refused(attached, "PolicyNotAttachable", sentence);
    let changed = identity.create_version(&account, PULL_ONLY, &allow("*"), true, NOW).await;
    assert_eq!(changed.unwrap_err().codes(), ("AccessDenied", 403));

    let owner = Owner { account: &account, user: Some(&alice.id) };
    let sentence = "The Access Key with id AKIANONE cannot be found";
    refused(identity.delete_key(owner, "AKIANONE").await, "NoSuchEntity", sentence);
    // Somebody else's is not there either.
    let theirs = identity.keys(Owner { account: &account, user: None }).await.unwrap();
    let sentence = format!("The Access Key with id {} cannot be found", theirs[0].id);
    let switched = identity.switch_key(owner, &theirs[0].id, false).await;
    refused(switched, "NoSuchEntity", &sentence);

    let inline = identity.inline(&alice, "p").await;
    refused(inline, "NoSuchEntity", "The user policy with name p cannot be found.");
    let deleted = identity.delete_inline(&account, Kind::Group, "g", "p").await;
    refused(deleted, "NoSuchEntity", "The group policy with name p cannot be found.");
    assert_eq!(identity.leave(&account, "g", "alice").await.unwrap_err().codes().0, "NoSuchEntity");
    let profile = identity.login_profile(&account, "alice").await;
    refused(profile, "NoSuchEntity", "Login Profile for User alice cannot be found.");
    // Who is missing wins over a document that is none.
    let put = identity.put_inline(&account, Kind::User, "nobody", "p", "{").await;
    refused(put, "NoSuchEntity", "The user with name nobody cannot be found.");
    let put = identity.put_inline(&account, Kind::User, "alice", "p", "{").await;
    refused(put, "MalformedPolicyDocument", "Syntax errors in policy.");
}

async fn a_closed_account_leaves_nothing(mut wharf: Wharf) {
    let identity = rooms(&mut wharf).await;
    let account: AccountId = "999999999999".parse().unwrap();
    let root = identity.create_account(&account, Some("nine"), None, NOW).await.unwrap();
    let again = identity.create_account(&account, None, None, NOW).await;
    refused(again, "EntityAlreadyExists", "the account 999999999999 exists already");
    assert_eq!(identity.account_of_alias("nine").await.unwrap(), Some(account.clone()));
    let alice = identity.create_user(&account, &named("alice"), NOW).await.unwrap();
    identity.create_policy(&account, &named("p"), &allow("ecr:*"), NOW).await.unwrap();
    let arn = format!("arn:aws:iam::{account}:policy/p");
    identity.attach(&account, Kind::User, "alice", &arn).await.unwrap();
    identity.bound(&account, Kind::User, "alice", Some(&arn)).await.unwrap();
    let owner = Owner { account: &account, user: Some(&alice.id) };
    let key = identity.create_key(owner, NOW).await.unwrap().0.id;
    assert!(identity.access_key(&key).await.unwrap().is_some());
    identity.close_account(&account).await.unwrap();
    for key in [&key, &root.id] {
        assert!(identity.access_key(key).await.unwrap().is_none());
    }
    assert!(identity.authority(&alice.id).await.unwrap().is_none());
    assert_eq!(identity.account_of_alias("nine").await.unwrap(), None);
    let told: Vec<_> = identity.accounts().await.unwrap().into_iter().map(|a| a.id).collect();
    assert_eq!(told, [super::account()]);
    let again = identity.close_account(&account).await;
    refused(again, "NoSuchEntity", "the account 999999999999 does not exist");
}
