//! Who is named in a policy is meant by the id: names may be changed, and given to somebody else.

use wharf_identity::Kind;
use wharf_policy::document::Document;
use wharf_policy::{
    Caller, Grammar, Nothing, Outcome, Policies, Request, Resource, ResourcePolicies, evaluate,
};
use wharf_testkit::{Wharf, on_both};

use super::*;

on_both![
    who_is_made_anew_inherits_nothing,
    who_is_not_there_cannot_be_named,
    a_role_is_found_by_its_whole_arn,
];

/// Whether the trust policy of the role `r` lets the caller take it.
async fn trusted(identity: &Identity, caller: &Caller) -> bool {
    let (account, arn) = (account(), format!("arn:aws:iam::{}:role/r", account()));
    let role = identity.role_of_arn(&arn).await.unwrap().unwrap();
    let trust = &role.trust.as_ref().unwrap().policy;
    let resource = Resource::Named { account: &account, arn: &arn };
    let request = Request { caller, action: "sts:AssumeRole", resource, context: &Nothing };
    let policies =
        Policies { resource: ResourcePolicies::Trust(Some(trust)), ..Policies::default() };
    evaluate(&request, &policies).outcome == Outcome::Allow
}

async fn caller(identity: &Identity, name: &str) -> Caller {
    let user = identity.entity(&account(), Kind::User, name).await.unwrap();
    Caller::user(account(), &user.arn(), &user.id, "AKIA")
}

async fn who_is_made_anew_inherits_nothing(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    user(&identity, "alice").await;
    let first = caller(&identity, "alice").await;
    let given = TRUST.replace("{}", &first.arn).replace(',', " ,\n");
    identity.create_role(&account, &named("r"), &given, None, NOW).await.unwrap();
    let shown = async || identity.role(&account, "r").await.unwrap().trust_policy;
    assert_eq!(shown().await, given);
    assert!(trusted(&identity, &first).await);
    // The list shows the same.
    assert_eq!(identity.roles(&account, "/", "", 9).await.unwrap()[0].trust_policy, given);

    identity.rename(&account, Kind::User, "alice", Some("bob"), Some("/x/")).await.unwrap();
    let bob = caller(&identity, "bob").await;
    assert_eq!(shown().await, TRUST.replace("{}", &bob.arn));
    assert!(trusted(&identity, &bob).await);
    user(&identity, "alice").await;
    assert!(!trusted(&identity, &caller(&identity, "alice").await).await);

    identity.delete_user(&account, "bob").await.unwrap();
    user(&identity, "bob").await;
    identity.rename(&account, Kind::User, "bob", None, Some("/x/")).await.unwrap();
    let second = caller(&identity, "bob").await;
    assert_eq!((&second.arn, second.unique_id == bob.unique_id), (&bob.arn, false));
    assert_eq!(shown().await, TRUST.replace("{}", &bob.unique_id));
    assert!(!trusted(&identity, &second).await);
    // What is shown cannot be put back, since it names nobody.
    let put = identity.set_trust(&account, "r", &shown().await).await;
    let sentence = format!("Invalid principal in policy: \"AWS\":\"{}\"", bob.unique_id);
    refused(put, "MalformedPolicyDocument", &sentence);
    identity.set_trust(&account, "r", &TRUST.replace("{}", &second.arn)).await.unwrap();
    assert!(trusted(&identity, &second).await);

    // The same for documents that are kept elsewhere.
    let mut document = Document::parse(&TRUST.replace("{}", &second.arn), Grammar::Trust).unwrap();
    let (before, grammar) = (document.clone(), Grammar::Repository);
    identity.principals_to_ids(&mut document, grammar).await.unwrap();
    assert_eq!(document.to_compact(), TRUST.replace("{}", &second.unique_id));
    identity.principals_to_arns(&mut document).await.unwrap();
    assert_eq!(document, before);
}

async fn who_is_not_there_cannot_be_named(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    let other: AccountId = "999999999999".parse().unwrap();
    identity.create_account(&other, None, None, NOW).await.unwrap();
    let alice = user(&identity, "alice").await;
    identity.create_user(&other, &named("carol"), NOW).await.unwrap();
    create(&identity, Kind::Role, &named("r")).await.unwrap();
    for nobody in [
        format!("arn:aws:iam::{account}:user/Alice"),
        format!("arn:aws:iam::{account}:user/x/alice"),
        format!("arn:aws:iam::{account}:role/alice"),
        format!("arn:aws:iam::{other}:user/alice"),
        "AIDAAAAAAAAAAAAAAAAAA".to_owned(),
    ] {
        let set = identity.set_trust(&account, "r", &TRUST.replace("{}", &nobody)).await;
        let sentence = format!("Invalid principal in policy: \"AWS\":\"{nobody}\"");
        refused(set, "MalformedPolicyDocument", &sentence);
    }
    for somebody in [
        "*".to_owned(),
        other.to_string(),
        alice.id,
        format!("arn:aws:iam::{other}:root"),
        format!("arn:aws:iam::{other}:user/carol"),
        format!("arn:aws:iam::{account}:role/r"),
        format!("arn:aws:sts::{account}:assumed-role/r/session"),
        // Nobody here knows who is there.
        "arn:aws:iam::111122223333:user/eve".to_owned(),
    ] {
        let trust = TRUST.replace("{}", &somebody);
        identity.set_trust(&account, "r", &trust).await.unwrap();
        assert_eq!(identity.role(&account, "r").await.unwrap().trust_policy, trust);
    }
}

async fn a_role_is_found_by_its_whole_arn(mut wharf: Wharf) {
    let (identity, account) = (rooms(&mut wharf).await, account());
    let new = New { path: Some("/ci/".to_owned()), ..named("Push") };
    let trust = TRUST.replace("{}", "*");
    let role = identity.create_role(&account, &new, &trust, Some(7200), NOW).await.unwrap();
    identity.attach(&account, Kind::Role, "push", PULL_ONLY).await.unwrap();
    let found = identity.role_of_arn(&role.entity.arn()).await.unwrap().unwrap();
    assert_eq!((&found.id, found.name.as_str()), (&role.entity.id, "Push"));
    assert_eq!(found.identity.len(), 1);
    assert_eq!(found.trust.as_ref().unwrap().max_session, 7200);
    for other in ["role/Push", "role/ci/push", "role/ci/Push/", "user/ci/Push", "role/"] {
        let arn = format!("arn:aws:iam::{account}:{other}");
        assert!(identity.role_of_arn(&arn).await.unwrap().is_none(), "{arn}");
    }
    let description = Some("pushes");
    identity.update_role(&account, "push", description, Some(3600)).await.unwrap();
    identity.update_role(&account, "push", None, None).await.unwrap();
    let role = identity.role(&account, "PUSH").await.unwrap();
    assert_eq!((role.entity.description.as_deref(), role.max_session), (description, 3600));
    let role = identity.authority(&role.entity.id).await.unwrap().unwrap();
    assert_eq!(role.trust.as_ref().unwrap().max_session, 3600);
}
