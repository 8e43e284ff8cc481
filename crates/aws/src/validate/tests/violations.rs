//! Each constraint of each operation of each model, violated one at a time, is refused as what it
//! is; and nothing that can be written in JSON makes the check panic.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{
    Fault, Model, Operation, ShapeRef,
    model::{Kind, Shape},
};

/// One change to a valid input, and the refusal it must bring.
struct Violation {
    /// JSON pointer of the changed value.
    pointer: String,
    /// Where the refusal must say it is; ECR's capitals aside.
    path: String,
    change: Change,
    /// Part of the reason; `None` for a wrong type.
    reason: Option<String>,
}

enum Change {
    Remove,
    Replace(Value),
}

struct Collector<'m> {
    model: &'m Model,
    found: Vec<Violation>,
}

impl Collector<'_> {
    fn visit(&mut self, shape: ShapeRef, value: &Value, pointer: &str, path: &str) {
        let shape = self.model.shape(shape);
        if !pointer.is_empty() {
            self.wrong_type(shape, value, pointer);
        }
        self.bounds(shape, value, pointer, path);
        match &shape.kind {
            Kind::Structure { members, .. } => {
                for member in members {
                    let Some(value) = value.get(&member.name) else {
                        continue;
                    };
                    let pointer = format!("{pointer}/{}", member.name);
                    let path = [path, &member.name]
                        .iter()
                        .filter(|p| !p.is_empty())
                        .copied()
                        .collect::<Vec<_>>()
                        .join(".");
                    if member.required {
                        self.add(&pointer, &path, Change::Remove, "Member must not be null");
                    }
                    self.visit(member.shape, value, &pointer, &path);
                }
            }
            Kind::List { item, .. } => {
                self.visit(*item, &value[0], &format!("{pointer}/0"), &format!("{path}.1.member"));
            }
            Kind::Map { value: item, .. } => {
                let (key, value) = value.as_object().unwrap().iter().next().unwrap();
                self.visit(
                    *item,
                    value,
                    &format!("{pointer}/{key}"),
                    &format!("{path}.{key}.member"),
                );
            }
            Kind::String => self.text(shape, pointer, path),
            _ => {}
        }
    }

    fn add(&mut self, pointer: &str, path: &str, change: Change, reason: &str) {
        self.found.push(Violation {
            pointer: pointer.into(),
            path: path.into(),
            change,
            reason: Some(reason.into()),
        });
    }

    fn wrong_type(&mut self, shape: &Shape, value: &Value, pointer: &str) {
        let wrong = if value.is_boolean() { json!("true") } else { json!(true) };
        let change = Change::Replace(wrong);
        self.found.push(Violation {
            pointer: pointer.into(),
            path: shape.name.clone(),
            change,
            reason: None,
        });
    }

    fn bounds(&mut self, shape: &Shape, value: &Value, pointer: &str, path: &str) {
        let what =
            if matches!(shape.kind, Kind::Integer | Kind::Long) { "value" } else { "length" };
        if let Some(value) = shape.max.and_then(|max| of_size(shape, value, max + 1)) {
            let reason =
                format!("Member must have {what} less than or equal to {}", shape.max.unwrap());
            self.add(pointer, path, Change::Replace(value), &reason);
        }
        if let Some(value) = shape.min.and_then(|min| of_size(shape, value, min - 1)) {
            let reason =
                format!("Member must have {what} greater than or equal to {}", shape.min.unwrap());
            self.add(pointer, path, Change::Replace(value), &reason);
        }
    }

    fn text(&mut self, shape: &Shape, pointer: &str, path: &str) {
        if !shape.values.is_empty() {
            self.add(
                pointer,
                path,
                Change::Replace(json!("no such value")),
                "Member must satisfy enum value set: [",
            );
        }
        if let Some(pattern) = &shape.pattern {
            let length = usize::try_from(shape.min.unwrap_or(1).max(1)).unwrap();
            let candidates =
                ["\u{1}", " ", "\u{1F600}", "!"].map(|character| character.repeat(length));
            let wrong = candidates.into_iter().find(|text| !pattern.matches(text));
            let wrong = wrong.unwrap_or_else(|| panic!("{} matches everything", pattern.source));
            self.add(
                pointer,
                path,
                Change::Replace(json!(wrong)),
                "must satisfy regular expression",
            );
        }
    }
}

/// A value of `shape` that has the size given; `None` where there is none.
fn of_size(shape: &Shape, value: &Value, size: i64) -> Option<Value> {
    if matches!(shape.kind, Kind::Integer | Kind::Long) {
        return i32::try_from(size).ok().map(|size| json!(size));
    }
    let size = usize::try_from(size).ok()?;
    Some(match &shape.kind {
        Kind::String => json!("a".repeat(size)),
        Kind::Blob if size.is_multiple_of(3) => json!("AAAA".repeat(size / 3)),
        Kind::Blob => {
            json!(format!("{}{}", "AAAA".repeat(size / 3), ["", "AA==", "AAA="][size % 3]))
        }
        Kind::List { .. } => Value::Array(vec![value.get(0)?.clone(); size]),
        Kind::Map { .. } => {
            let value = value.as_object()?.values().next()?;
            Value::Object((0..size).map(|key| (format!("key{key}"), value.clone())).collect())
        }
        _ => return None,
    })
}

fn violations(model: &Model, operation: &Operation, example: &Value) -> Vec<Violation> {
    let mut collector = Collector { model, found: Vec::new() };
    if let Some(input) = operation.input {
        collector.visit(input, example, "", "");
    }
    collector.found
}

fn changed(example: &Value, violation: &Violation) -> Value {
    let mut value = example.clone();
    match &violation.change {
        Change::Replace(replacement) => {
            *value.pointer_mut(&violation.pointer).unwrap() = replacement.clone()
        }
        Change::Remove => {
            let (parent, name) = violation.pointer.rsplit_once('/').unwrap();
            value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        }
    }
    value
}

#[test]
fn each_constraint_violated_alone_is_refused_as_what_it_is() {
    let mut count = 0;
    for model in [Model::ecr(), Model::iam(), Model::sts()] {
        for operation in model.operations() {
            let example = model.example_input(operation);
            for violation in violations(model, operation, &example) {
                let place = format!("{} {}", operation.name, violation.pointer);
                match (
                    model.check_input(operation, &changed(&example, &violation)),
                    &violation.reason,
                ) {
                    (Err(Fault::Serialization(_)), None) => {}
                    (Err(Fault::Parameter { path, reason }), Some(expected)) => {
                        assert!(path.eq_ignore_ascii_case(&violation.path), "{place}: {path}");
                        assert!(
                            reason.contains(expected.as_str()),
                            "{place}: {reason}, not {expected}"
                        );
                    }
                    (outcome, expected) => panic!("{place}: {outcome:?}, expected {expected:?}"),
                }
                count += 1;
            }
        }
    }
    assert!(count > 2000, "only {count} violations were tried");
}

fn any_json() -> impl Strategy<Value = Value> {
    let names: Vec<String> = [
        "repositoryName",
        "imageIds",
        "imageTag",
        "tags",
        "rules",
        "maxResults",
        "layerPartBlob",
        "x",
    ]
    .map(str::to_owned)
    .to_vec();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((prop::sample::select(names.clone()), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_check_panic(value in any_json(), place in any::<prop::sample::Index>()) {
        for model in [Model::ecr(), Model::iam(), Model::sts()] {
            for operation in model.operations() {
                let _ = model.check_input(operation, &value);
                let _ = model.check_output(operation, &value);
            }
        }
        let operation = Model::ecr().operation("PutReplicationConfiguration").unwrap();
        let example = Model::ecr().example_input(operation);
        let violations = violations(Model::ecr(), operation, &example);
        let pointer = &violations[place.index(violations.len())].pointer;
        let mut input = example.clone();
        *input.pointer_mut(pointer).unwrap() = value;
        let _ = Model::ecr().check_input(operation, &input);
    }
}
