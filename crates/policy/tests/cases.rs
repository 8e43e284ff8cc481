//! The table of worked cases: who wants what under which policies, and what comes out. Each case
//! that fails is named.
#![allow(clippy::unwrap_used)]

mod world;

use serde_json::Value as Json;
use wharf_policy::Outcome;
use world::World;

fn cases() -> Vec<Json> {
    let table: Json = serde_json::from_str(include_str!("cases.json")).unwrap();
    table["cases"].as_array().unwrap().clone()
}

fn expected(case: &Json) -> (Outcome, Option<&str>) {
    let outcome = match case["expected"].as_str().unwrap() {
        "allow" => Outcome::Allow,
        "explicitDeny" => Outcome::ExplicitDeny,
        "implicitDeny" => Outcome::ImplicitDeny,
        other => panic!("{other}"),
    };
    (outcome, case["layer"].as_str())
}

/// Runs `check` for each case and names those that fail.
fn each(check: impl Fn(&Json) -> Result<(), String>) {
    let cases = cases();
    assert_eq!(cases.len(), 62, "the table is whole");
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let (id, title) = (case["id"].as_str().unwrap(), case["title"].as_str().unwrap());
            check(case).err().map(|error| format!("{id} ({title}): {error}"))
        })
        .collect();
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

fn compare(case: &Json, world: &World) -> Result<(), String> {
    let evaluated = world.evaluate();
    let (outcome, layer) = expected(case);
    let layer = layer.filter(|_| outcome != Outcome::Allow);
    let found = evaluated.layer.filter(|_| evaluated.outcome != Outcome::Allow);
    let found = found.map(|found| format!("{found:?}").to_lowercase());
    if (evaluated.outcome, found.as_deref()) == (outcome, layer) {
        return Ok(());
    }
    let why = case["why"].as_str().unwrap();
    Err(format!("expected {outcome:?} {layer:?}, found {evaluated:?}: {why}"))
}

#[test]
fn every_case_comes_out_as_the_table_says() {
    each(|case| compare(case, &World::of(case)));
}

#[test]
fn a_deny_of_everything_in_the_identity_policies_wins_over_all() {
    each(|case| {
        let mut denied = case.clone();
        let identity = denied["identity"].as_array().cloned().unwrap_or_default();
        let all = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"},
        });
        denied["identity"] = [identity, vec![all]].concat().into();
        let outcome = World::of(&denied).evaluate().outcome;
        let root = case["principal"].as_str().unwrap().ends_with(":root");
        let exempt = root || case["action"] == "sts:GetCallerIdentity";
        match (exempt, outcome) {
            (false, Outcome::ExplicitDeny) => Ok(()),
            (true, outcome) if outcome == expected(case).0 => Ok(()),
            _ => Err(format!("{outcome:?}")),
        }
    });
}

#[test]
fn order_splitting_and_strangers_change_nothing() {
    each(|case| {
        let mut world = World::of(case);
        world.change(|statements| {
            statements.reverse();
            statements.clone()
        });
        compare(case, &world)?;
        let stranger: Json = serde_json::json!(
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}
        );
        let mut world = World::of(case);
        world.add_to_identity(&stranger);
        compare(case, &world)?;
        compare(case, &World::of(&split(case)))?;
        compare(case, &World::of(&shouted(case)))
    });
}

/// Each statement of the identity policies in a document of its own, the last first.
fn split(case: &Json) -> Json {
    let mut split = case.clone();
    let documents = case["identity"].as_array().cloned().unwrap_or_default();
    let alone = documents.iter().flat_map(|document| {
        let statements = document["Statement"].as_array().unwrap().clone();
        let version = document["Version"].clone();
        statements
            .into_iter()
            .map(move |statement| serde_json::json!({"Version": version, "Statement": statement}))
    });
    split["identity"] = alone.rev().collect::<Vec<_>>().into();
    split
}

/// The actions of the identity policies in upper case, and lists where strings were.
fn shouted(case: &Json) -> Json {
    let mut shouted = case.clone();
    for document in shouted["identity"].as_array_mut().into_iter().flatten() {
        for statement in document["Statement"].as_array_mut().unwrap() {
            for name in ["Action", "NotAction"] {
                let actions = match statement[name].take() {
                    Json::String(action) => vec![action.to_uppercase()],
                    Json::Array(actions) => actions
                        .iter()
                        .map(|action| action.as_str().unwrap().to_uppercase())
                        .collect(),
                    _ => {
                        statement.as_object_mut().unwrap().remove(name);
                        continue;
                    }
                };
                statement[name] = actions.into();
            }
        }
    }
    shouted
}

#[test]
fn ceilings_never_allow_more() {
    each(|case| {
        let before = World::of(case).evaluate().outcome;
        for everything in [false, true] {
            let mut bounded = case.clone();
            let effect = if everything { "Allow" } else { "Deny" };
            let policy = serde_json::json!({
                "Version": "2012-10-17",
                "Statement": {"Effect": effect, "Action": "*", "Resource": "*"},
            });
            if bounded["boundary"].is_null() {
                bounded["boundary"] = policy;
                let after = World::of(&bounded).evaluate().outcome;
                if before != Outcome::Allow && after == Outcome::Allow {
                    return Err(format!("with a boundary {effect}: {after:?}"));
                }
            }
        }
        Ok(())
    });
}
