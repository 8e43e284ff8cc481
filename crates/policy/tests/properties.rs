//! What must hold for all policies: no Allow comes from nothing, a Deny never helps, and nothing
//! that comes in from outside makes the reader or the evaluation panic.
#![allow(clippy::unwrap_used)]

mod world;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use wharf_policy::{Document, Grammar, Outcome, Scope, fuzz};
use world::World;

const ACTIONS: &[&str] = &["ecr:PutImage", "ecr:BatchGetImage", "ecr:*", "*", "ecr:Get*", "iam:*"];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:ecr:us-east-1:111122223333:repository/team/app",
    "arn:aws:ecr:*:*:repository/team/*",
    "arn:aws:ecr:*:*:repository/${aws:username}/*",
    "arn:aws:ecr:us-east-1:444455556666:repository/*",
];
const PRINCIPALS: &[&str] = &[
    "*",
    "111122223333",
    "444455556666",
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::111122223333:role/ci",
    "arn:aws:sts::111122223333:assumed-role/ci/build-7",
    "arn:aws:sts::111122223333:federated-user/tmp",
];
const CALLERS: &[&str] = &[
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::111122223333:user/team",
    "arn:aws:sts::111122223333:assumed-role/ci/build-7",
    "arn:aws:sts::111122223333:federated-user/tmp",
    "arn:aws:iam::444455556666:user/xena",
    "arn:aws:iam::111122223333:root",
];

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = Json> {
    prop::sample::select(from).prop_map(Json::from)
}

fn condition() -> impl Strategy<Value = Json> {
    prop_oneof![
        3 => Just(Json::Null),
        1 => prop::sample::select(vec![
            json!({"StringEquals": {"aws:ResourceTag/env": "prod"}}),
            json!({"StringNotEquals": {"aws:ResourceTag/env": ["prod", "dev"]}}),
            json!({"Null": {"aws:ResourceTag/env": "true"}}),
            json!({"StringLikeIfExists": {"aws:ResourceTag/env": "p*", "aws:username": "a*"}}),
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}}),
            json!({"ForAnyValue:StringLike": {"aws:TagKeys": "e*"}, "Bool": {"aws:SecureTransport": "true"}}),
            json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/ci"}}),
        ]),
    ]
}

/// A statement; `resource` says whether it stands in the policy of a repository.
fn statement(effects: &'static [&'static str], resource: bool) -> impl Strategy<Value = Json> {
    let parts = (pick(effects), pick(ACTIONS), pick(RESOURCES), pick(PRINCIPALS), condition());
    (parts, any::<bool>(), any::<bool>()).prop_map(
        move |((effect, action, arn, principal, condition), not_action, not)| {
            let mut statement = json!({"Effect": effect});
            // Only ECR's actions may stand in the policy of a repository.
            let action = if resource && action == "iam:*" { json!("ecr:Put*") } else { action };
            statement[if not_action { "NotAction" } else { "Action" }] = action;
            if resource {
                let not = not && effect == "Deny";
                statement[if not { "NotPrincipal" } else { "Principal" }] =
                    json!({"AWS": principal});
            } else {
                statement[if not { "NotResource" } else { "Resource" }] = arn;
            }
            if !condition.is_null() {
                statement["Condition"] = condition;
            }
            statement
        },
    )
}

fn document(effects: &'static [&'static str], resource: bool) -> impl Strategy<Value = Json> {
    prop::collection::vec(statement(effects, resource), 1..4)
        .prop_map(|statements| json!({"Version": "2012-10-17", "Statement": statements}))
}

const BOTH: &[&str] = &["Allow", "Allow", "Deny"];
const DENY: &[&str] = &["Deny"];

/// A case as in the table, with policies whose effects are among these.
fn case(effects: &'static [&'static str]) -> impl Strategy<Value = Json> {
    let context = prop::sample::select(vec![
        json!({}),
        json!({"aws:ResourceTag/env": "prod", "aws:TagKeys": ["env"]}),
        json!({"aws:ResourceTag/env": "test", "aws:TagKeys": ["env", "x"], "aws:SecureTransport": "true"}),
        json!({"aws:SourceIp": "10.1.2.3"}),
    ]);
    let policies = (
        prop::collection::vec(document(effects, false), 0..3),
        prop::option::of(document(effects, false)),
        prop::collection::vec(document(effects, false), 0..2),
        prop::option::of(document(effects, true)),
    );
    let action = pick(&["ecr:PutImage", "ecr:BatchGetImage", "ecr:GetAuthorizationToken"]);
    (pick(CALLERS), action, context, policies).prop_map(
        |(principal, action, context, (identity, boundary, session, repository))| {
            json!({
                "principal": principal, "action": action, "context": context,
                "resource": "arn:aws:ecr:us-east-1:111122223333:repository/team/app",
                "identity": identity, "boundary": boundary, "session": session,
                "repository": repository,
            })
        },
    )
}

fn outcome(case: &Json) -> Outcome {
    World::of(case).evaluate().outcome
}

fn is_root(case: &Json) -> bool {
    case["principal"].as_str().unwrap().ends_with(":root")
}

/// Appends a statement to the policies that stand at `place`.
fn with(case: &Json, place: &str, statement: Json) -> Json {
    let mut case = case.clone();
    let document = json!({"Version": "2012-10-17", "Statement": [statement]});
    match &mut case[place] {
        Json::Array(documents) => documents.push(document),
        Json::Null => case[place] = document,
        one => one["Statement"].as_array_mut().unwrap().push(statement),
    }
    case
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_policies_without_an_allow_ever_allow(case in case(DENY)) {
        prop_assert!(is_root(&case) || outcome(&case) != Outcome::Allow);
    }

    #[test]
    fn a_deny_never_turns_a_denial_into_an_allow(
        case in case(BOTH),
        own in statement(DENY, false),
        owners in statement(DENY, true),
    ) {
        let before = outcome(&case);
        for (place, deny) in [("identity", &own), ("boundary", &own), ("repository", &owners)] {
            // A boundary where there was none is a ceiling, which never allows more either.
            let after = outcome(&with(&case, place, deny.clone()));
            prop_assert!(before == Outcome::Allow || after != Outcome::Allow, "{place}");
        }
    }

    #[test]
    fn an_allow_never_lifts_an_explicit_deny(
        case in case(BOTH),
        own in statement(&["Allow"], false),
        owners in statement(&["Allow"], true),
    ) {
        if outcome(&case) == Outcome::ExplicitDeny {
            for (place, allow) in [("identity", &own), ("session", &own), ("repository", &owners)] {
                let after = outcome(&with(&case, place, allow.clone()));
                prop_assert_eq!(after, Outcome::ExplicitDeny, "{}", place);
            }
        }
    }

    #[test]
    fn a_ceiling_never_allows_more(case in case(BOTH), ceiling in document(BOTH, false)) {
        let before = outcome(&case);
        let mut bounded = case.clone();
        if bounded["boundary"].is_null() {
            bounded["boundary"] = ceiling;
            prop_assert!(before == Outcome::Allow || outcome(&bounded) != Outcome::Allow);
        }
    }

    #[test]
    fn the_order_of_statements_and_documents_changes_nothing(case in case(BOTH)) {
        let before = World::of(&case).evaluate();
        let mut turned = case.clone();
        turned["identity"].as_array_mut().unwrap().reverse();
        let mut world = World::of(&turned);
        world.change(|statements| {
            statements.reverse();
            statements.clone()
        });
        let after = world.evaluate();
        prop_assert_eq!((before.outcome, before.layer), (after.outcome, after.layer));
    }

    #[test]
    fn what_is_printed_reads_the_same(own in document(BOTH, false), owners in document(BOTH, true)) {
        for (document, grammar) in [(own, Grammar::Identity), (owners, Grammar::Repository)] {
            let document = Document::accept(&document.to_string(), grammar).unwrap();
            for text in [document.to_compact(), document.to_pretty()] {
                let again = Document::accept(&text, grammar);
                prop_assert_eq!(again.as_ref(), Ok(&document));
            }
        }
    }

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz::evaluate_bytes(&bytes);
    }

    #[test]
    fn what_looks_like_json_never_panics(text in r#"[ \n"\\{}\[\]:,*?$a-e0-9.eE+\-é]{0,80}"#) {
        fuzz::evaluate_bytes(text.as_bytes());
        let _ = Document::accept(&text, Grammar::Registry(Scope::V2));
    }

    #[test]
    fn damaged_documents_never_panic(
        document in prop_oneof![document(BOTH, false), document(BOTH, true)],
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let head = "ecr:PutImage\narn:aws:ecr:us-east-1:111122223333:repository/team/app\naws:TagKey\nenv\n";
        let mut bytes = format!("{head}{document}").into_bytes();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        fuzz::evaluate_bytes(&bytes);
    }

    #[test]
    fn documents_with_strange_texts_never_panic(
        action in "\\PC{0,12}",
        resource in "[arn:w*?${},'/]{0,30}",
        key in "\\PC{0,12}",
        value in "[0-9a-fTZ:.+/*?${},' -]{0,24}",
        operator in prop::sample::select(vec![
            "StringLike", "StringEqualsIgnoreCase", "NumericLessThan", "DateEquals", "IpAddress",
            "ArnLike", "BinaryEquals", "Bool", "Null", "ForAllValues:NotIpAddress", "Nonsense",
        ]),
    ) {
        let document = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Deny", "Action": [action, "*"], "NotResource": resource,
            "Principal": {"AWS": [value, "*"]}, "Condition": {operator: {&key: &value}},
        }});
        let (action, resource) = (action.replace('\n', ""), resource.replace('\n', ""));
        fuzz::evaluate_bytes(format!("{action}\n{resource}\n{key}\n{value}\n{document}").as_bytes());
    }
}
