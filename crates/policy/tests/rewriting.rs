//! Two ways to write the same: one document or many, a string or a list of one, any case of an
//! action's name. Nothing that is decided depends on it.
#![allow(clippy::unwrap_used)]

mod world;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use wharf_policy::{Layer, Outcome};
use world::World;

const PLACES: [&str; 4] = ["identity", "boundary", "session", "repository"];
const CALLERS: &[&str] = &[
    world::ALICE,
    world::SESSION,
    world::FEDERATED,
    world::ROOT,
    "arn:aws:iam::444455556666:user/xena",
];

/// A list of one to three of these.
fn some(from: &'static [&'static str]) -> impl Strategy<Value = Json> {
    prop::collection::vec(prop::sample::select(from), 1..4).prop_map(Json::from)
}

/// A statement of an identity policy, or of the policy of a repository.
fn statement(owners: bool) -> impl Strategy<Value = Json> {
    let actions = some(&["ecr:PutImage", "ecr:*Image", "ecr:Get*", "ecr:BatchGetImage"]);
    let resources =
        some(&["*", "arn:aws:ecr:*:*:repository/team/*", "arn:aws:ecr:*:*:repository/x"]);
    let principals = some(&["*", "111122223333", "444455556666", world::ALICE, world::ROLE]);
    let tags = prop::option::weighted(0.3, some(&["prod", "dev", "test"]));
    (any::<bool>(), actions, resources, principals, tags).prop_map(
        move |(allow, actions, resources, principals, tags)| {
            let effect = if allow { "Allow" } else { "Deny" };
            let mut statement = json!({"Effect": effect, "Action": actions});
            if owners {
                statement["Principal"] = json!({"AWS": principals});
            } else {
                statement["Resource"] = resources;
            }
            if let Some(tags) = tags {
                statement["Condition"] = json!({"StringEquals": {"aws:ResourceTag/env": tags}});
            }
            statement
        },
    )
}

fn document(owners: bool) -> impl Strategy<Value = Json> {
    prop::collection::vec(statement(owners), 1..4)
        .prop_map(|statements| json!({"Version": "2012-10-17", "Statement": statements}))
}

fn case() -> impl Strategy<Value = Json> {
    let documents = (
        prop::collection::vec(document(false), 0..3),
        prop::option::of(document(false)),
        prop::collection::vec(document(false), 0..3),
        prop::option::of(document(true)),
    );
    let action =
        prop::sample::select(vec!["ecr:PutImage", "ecr:BatchGetImage", "ecr:GetLifecyclePolicy"]);
    let tag = prop::sample::select(vec!["prod", "other"]);
    (prop::sample::select(CALLERS), action, tag, documents).prop_map(
        |(principal, action, tag, (identity, boundary, session, repository))| {
            json!({
                "principal": principal, "action": action, "resource": world::APP,
                "context": {"aws:ResourceTag/env": tag},
                "identity": identity, "boundary": boundary, "session": session,
                "repository": repository,
            })
        },
    )
}

fn decided(case: &Json) -> (Outcome, Option<Layer>) {
    let evaluated = World::of(case).evaluate();
    (evaluated.outcome, evaluated.layer)
}

/// Each document of a case, in whichever place.
fn documents(case: &mut Json) -> Vec<&mut Json> {
    let places = case.as_object_mut().unwrap().iter_mut();
    let places = places.filter(|(name, _)| PLACES.contains(&name.as_str()));
    let documents = places.flat_map(|(_, value)| match value {
        Json::Array(documents) => documents.iter_mut().collect(),
        Json::Null => Vec::new(),
        one => vec![one],
    });
    documents.collect()
}

fn statements(case: &mut Json) -> impl Iterator<Item = &mut Json> {
    documents(case).into_iter().flat_map(|it| it["Statement"].as_array_mut().unwrap())
}

/// Every list of one as the one alone.
fn unpacked(value: &mut Json) {
    match value {
        Json::Array(items) => {
            items.iter_mut().for_each(unpacked);
            if let [one] = items.as_slice() {
                *value = one.clone();
            }
        }
        Json::Object(members) => members.values_mut().for_each(unpacked),
        _ => {}
    }
}

/// Letters in the other case where the bit is set.
fn in_other_case(text: &str, bits: u64) -> String {
    let letters = text.chars().enumerate().map(|(at, letter)| {
        let lower = bits >> (at % 64) & 1 == 1;
        if lower { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() }
    });
    letters.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_document_for_each_statement_is_the_same_as_one_for_all(case in case()) {
        let mut split = case.clone();
        for place in ["identity", "session"] {
            let documents = split[place].as_array().unwrap().iter();
            let statements = documents.flat_map(|it| it["Statement"].as_array().unwrap().clone());
            let each = statements.map(|one| json!({"Version": "2012-10-17", "Statement": [one]}));
            split[place] = each.collect();
        }
        prop_assert_eq!(decided(&split), decided(&case));
    }

    #[test]
    fn a_list_of_one_is_the_same_as_the_one(case in case()) {
        let mut plain = case.clone();
        documents(&mut plain).into_iter().for_each(unpacked);
        prop_assert_eq!(decided(&plain), decided(&case));
    }

    #[test]
    fn the_case_of_an_actions_name_means_nothing(case in case(), bits in any::<u64>()) {
        let mut other = case.clone();
        let lists = statements(&mut other).map(|it| it["Action"].as_array_mut().unwrap());
        for action in lists.flatten() {
            *action = in_other_case(action.as_str().unwrap(), bits).into();
        }
        prop_assert_eq!(decided(&other), decided(&case));
    }

    #[test]
    fn the_order_within_documents_changes_nothing(case in case()) {
        let mut turned = case.clone();
        for document in documents(&mut turned) {
            document["Statement"].as_array_mut().unwrap().reverse();
        }
        for statement in statements(&mut turned) {
            statement["Action"].as_array_mut().unwrap().reverse();
        }
        prop_assert_eq!(decided(&turned), decided(&case));
    }

    #[test]
    fn a_session_policy_never_allows_more(mut case in case(), session in document(false)) {
        // Session policies add up, so only the first of them is a new ceiling. Without one a
        // federated user may do nothing of his own.
        if case["principal"] == world::FEDERATED {
            case["principal"] = world::SESSION.into();
        }
        case["session"] = json!([]);
        let (before, _) = decided(&case);
        case["session"] = json!([session]);
        let (after, _) = decided(&case);
        prop_assert!(before == Outcome::Allow || after != Outcome::Allow);
    }
}
