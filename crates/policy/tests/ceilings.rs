//! Who is capped by what: boundary, session policies, tokens, and what a grant of the resource's
//! policy lifts; and in which order the layers are named.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::Arc;

use serde_json::{Value as Json, json};
use wharf_policy::{
    Facts, Grammar, Layer, Outcome, Policies, Policy, Request, Resource, ResourcePolicies, Scope,
    evaluate,
};
use world::*;

/// The table of the user guide: what a grant of the resource's policy does where another layer says
/// nothing.
#[test]
fn what_a_grant_lifts() {
    let narrow = allow("ecr:ListImages");
    let (user, role, everyone) =
        (json!({"AWS": ALICE}), json!({"AWS": "arn:aws:iam::111122223333:role/ci"}), json!("*"));
    let (session, account) = (json!({"AWS": SESSION}), json!({"AWS": "111122223333"}));
    let federated = json!({"AWS": FEDERATED});
    let (boundary, sessions) = (silent(Layer::Boundary), silent(Layer::Session));
    let identity = silent(Layer::Identity);
    // Caller, principal; with the boundary, the session policy, the identity policies silent.
    for (who, principal, expected) in [
        (ALICE, &user, [ALLOW, ALLOW, ALLOW]),
        (ALICE, &everyone, [ALLOW, ALLOW, ALLOW]),
        (ALICE, &account, [boundary, sessions, identity]),
        (SESSION, &role, [boundary, sessions, ALLOW]),
        (SESSION, &session, [ALLOW, ALLOW, ALLOW]),
        (SESSION, &everyone, [boundary, sessions, ALLOW]),
        (SESSION, &account, [boundary, sessions, identity]),
        (FEDERATED, &federated, [ALLOW, ALLOW, ALLOW]),
        (FEDERATED, &user, [boundary, sessions, ALLOW]),
        (FEDERATED, &everyone, [boundary, sessions, ALLOW]),
        (FEDERATED, &account, [boundary, sessions, identity]),
    ] {
        let everything = allow("*");
        for (index, expected) in expected.into_iter().enumerate() {
            let silent_at = |layer| if index == layer { &narrow } else { &everything };
            let case = json!({
                "principal": who, "action": "ecr:PutImage", "resource": APP,
                "boundary": silent_at(0), "session": [silent_at(1)], "identity": [silent_at(2)],
                "repository": grant("Allow", principal, "ecr:PutImage"),
            });
            assert_eq!(outcome(&case), expected, "{who} {principal} {index}");
        }
    }
}

#[test]
fn a_condition_that_names_the_role_lifts_everyones_cap() {
    let mut case = json!({
        "principal": SESSION, "action": "ecr:PutImage", "resource": APP,
        "session": [allow("ecr:ListImages")], "repository": grant("Allow", &json!("*"), "ecr:PutImage"),
    });
    assert_eq!(outcome(&case), silent(Layer::Session));
    for (arn, expected) in [
        (ROLE, ALLOW),
        ("arn:aws:iam::111122223333:role/*", silent(Layer::Session)),
        ("arn:aws:iam::111122223333:role/other", silent(Layer::Identity)),
    ] {
        // For the role itself the condition says nothing new.
        case["repository"]["Statement"]["Principal"] = json!({"AWS": ROLE});
        let capped = if expected == ALLOW { silent(Layer::Session) } else { expected };
        case["repository"]["Statement"]["Condition"] =
            json!({"ArnLike": {"aws:PrincipalArn": arn}});
        assert_eq!(outcome(&case), capped, "{arn}");
        case["repository"]["Statement"]["Principal"] = json!("*");
        case["repository"]["Statement"]["Condition"] =
            json!({"ArnLike": {"aws:PrincipalArn": arn}});
        assert_eq!(outcome(&case), expected, "{arn}");
    }
}

#[test]
fn explicit_denies_are_named_in_order() {
    let deny = |action: &str| json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": action, "Resource": "*"}});
    let mut case = json!({
        "principal": SESSION, "action": "ecr:PutImage", "resource": APP,
        "repository": grant("Deny", &json!("*"), "ecr:*"),
        "identity": [deny("ecr:*")], "boundary": deny("ecr:Put*"), "session": [deny("*")],
    });
    assert_eq!(outcome(&case), denied(Layer::Resource));
    case["repository"] = Json::Null;
    assert_eq!(outcome(&case), denied(Layer::Identity));
    case["identity"] = json!([allow("*")]);
    assert_eq!(outcome(&case), denied(Layer::Boundary));
    case["boundary"] = Json::Null;
    assert_eq!(outcome(&case), denied(Layer::Session));
}

#[test]
fn implicit_denies_are_named_in_order() {
    let mut case = json!({
        "principal": "arn:aws:sts::444455556666:assumed-role/ci/x", "action": "ecr:PutImage", "resource": APP,
        "identity": [], "boundary": allow("ecr:List*"), "session": [allow("ecr:List*")],
    });
    assert_eq!(outcome(&case), silent(Layer::Resource));
    case["repository"] = grant("Allow", &json!({"AWS": "444455556666"}), "ecr:*");
    assert_eq!(outcome(&case), silent(Layer::Identity));
    case["identity"] = json!([allow("*")]);
    assert_eq!(outcome(&case), silent(Layer::Boundary));
    case["boundary"] = allow("*");
    assert_eq!(outcome(&case), silent(Layer::Session));
    case["session"] = json!([allow("*")]);
    assert_eq!(outcome(&case), ALLOW);
}

#[test]
fn nothing_bounds_a_root_but_denies_and_its_own_token() {
    let mut case = json!({
        "principal": ROOT, "action": "ecr:PutImage", "resource": APP,
        "boundary": allow("ecr:List*"), "identity": [],
    });
    assert_eq!(outcome(&case), ALLOW);
    case["session"] = json!([allow("ecr:List*")]);
    assert_eq!(outcome(&case), silent(Layer::Session));
}

/// Session, token, and whether a repository's policy names the caller.
#[test]
fn nothing_lifts_what_a_token_was_narrowed_to() {
    let compiled = |action: &str| [Arc::new(policy(&allow(action), Grammar::Identity, action))];
    let (put, list, all) = (compiled("ecr:PutImage"), compiled("ecr:List*"), compiled("*"));
    let none: [Arc<Policy>; 0] = [];
    let granted = policy(
        &grant("Allow", &json!({"AWS": [ALICE, SESSION]}), "ecr:*"),
        Grammar::Repository,
        "app",
    );
    let context = Facts::default();
    for (session, token, named, expected) in [
        (None, None, false, Outcome::Allow),
        (Some(&put[..]), None, false, Outcome::Allow),
        (Some(&put[..]), Some(&put[..]), false, Outcome::Allow),
        (Some(&list[..]), Some(&put[..]), false, Outcome::ImplicitDeny),
        (Some(&put[..]), Some(&list[..]), false, Outcome::ImplicitDeny),
        (Some(&none[..]), None, false, Outcome::ImplicitDeny),
        (None, Some(&none[..]), false, Outcome::ImplicitDeny),
        (Some(&list[..]), None, true, Outcome::Allow),
        (Some(&list[..]), Some(&put[..]), true, Outcome::Allow),
        (None, Some(&list[..]), true, Outcome::ImplicitDeny),
        (None, Some(&none[..]), true, Outcome::ImplicitDeny),
    ] {
        for who in [ALICE, SESSION] {
            let caller = caller(who);
            let resource = Resource::Named { account: &caller.account, arn: APP };
            let request =
                Request { caller: &caller, action: "ecr:PutImage", resource, context: &context };
            let repository = named.then_some(&granted);
            let resource = ResourcePolicies::Ecr { repository, registry: None, scope: Scope::V2 };
            let policies = Policies { identity: &all, session, token, resource, boundary: None };
            let evaluated = evaluate(&request, &policies);
            assert_eq!(evaluated.outcome, expected, "{who} {session:?} {token:?} {named}");
            if expected != Outcome::Allow {
                assert_eq!(evaluated.layer, Some(Layer::Session));
            }
        }
    }
}

#[test]
fn of_several_grants_the_strongest_counts_and_of_equals_the_first_is_named() {
    let names = [json!("111122223333"), json!(ROLE), json!(SESSION), json!(SESSION)];
    let statements: Vec<Json> = names
        .iter()
        .map(
            |name| json!({"Effect": "Allow", "Principal": {"AWS": name}, "Action": "ecr:PutImage"}),
        )
        .collect();
    let identity = silent(Layer::Identity);
    for (count, expected, index) in [
        (1, identity, None),
        (2, silent(Layer::Session), None),
        (3, ALLOW, Some(2)),
        (4, ALLOW, Some(2)),
    ] {
        let case = json!({
            "principal": SESSION, "action": "ecr:PutImage", "resource": APP, "identity": [],
            "session": [allow("ecr:ListImages")],
            "repository": {"Version": "2012-10-17", "Statement": statements[..count]},
        });
        assert_eq!(outcome(&case), expected, "{count}");
        assert_eq!(World::of(&case).evaluate().index, index, "{count}");
        let mut turned = case.clone();
        turned["repository"]["Statement"].as_array_mut().unwrap().reverse();
        assert_eq!(outcome(&turned), expected, "{count}, turned round");
    }
    let case = json!({
        "principal": SESSION, "action": "ecr:PutImage", "resource": APP, "identity": [],
        "repository": {"Version": "2012-10-17", "Statement": [statements[1], statements[1]]},
    });
    assert_eq!(World::of(&case).evaluate().index, Some(0));
}
