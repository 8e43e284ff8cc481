//! Inputs that break one constraint of AWS's model each, made from the model: what the server must
//! refuse at its door, whatever the operation.

use serde_json::{Value, json};
use wharf_aws::model::{Kind, Shape};
use wharf_aws::{Model, Operation, ShapeRef};

/// An input that breaks one constraint.
pub struct Violation {
    /// The JSON pointer of the member that is wrong.
    pub pointer: String,
    pub input: Value,
    pub expected: Expected,
}

/// How it is to be refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Expected {
    /// A wrong JSON type: `SerializationException`.
    Serialization,
    /// `InvalidParameterException`, at this path (whatever its capitals), for this reason.
    Parameter { path: String, reason: String },
}

/// Every constraint of the operation's input, broken one at a time.
#[must_use]
pub fn violations(model: &Model, operation: &Operation) -> Vec<Violation> {
    let example = model.example_input(operation);
    let mut walk = Walk { model, example: &example, found: Vec::new() };
    if let Some(input) = operation.input {
        walk.visit(input, &example, "", "");
    }
    walk.found
}

struct Walk<'e> {
    model: &'e Model,
    example: &'e Value,
    found: Vec<Violation>,
}

impl Walk<'_> {
    fn visit(&mut self, shape: ShapeRef, value: &Value, pointer: &str, path: &str) {
        let shape = self.model.shape(shape);
        self.bounds(shape, value, pointer, path);
        if !pointer.is_empty() {
            let wrong = if value.is_boolean() { json!("true") } else { json!(true) };
            self.add(pointer, Some(wrong), Expected::Serialization);
        }
        match &shape.kind {
            Kind::Structure { members, .. } => {
                for member in members {
                    let Some(value) = value.get(&member.name) else { continue };
                    let pointer = format!("{pointer}/{}", member.name);
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{}", member.name);
                    if member.required {
                        self.add(&pointer, None, parameter(&path, "Member must not be null"));
                        let reason = parameter(&path, "Member must not be null");
                        self.add(&pointer, Some(Value::Null), reason);
                    }
                    self.visit(member.shape, value, &pointer, &path);
                }
            }
            Kind::List { item, .. } => {
                let path = format!("{path}.1.member");
                self.visit(*item, &value[0], &format!("{pointer}/0"), &path);
            }
            Kind::String if !shape.values.is_empty() => {
                let reason = parameter(path, "Member must satisfy enum value set: [");
                self.add(pointer, Some(json!("no such value")), reason);
            }
            _ => {}
        }
    }

    fn bounds(&mut self, shape: &Shape, value: &Value, pointer: &str, path: &str) {
        let is_number = matches!(shape.kind, Kind::Integer | Kind::Long);
        let what = if is_number { "value" } else { "length" };
        let bounds =
            [("less than or equal to", shape.max, 1), ("greater than or equal to", shape.min, -1)];
        for (relation, bound, beyond) in bounds {
            let wrong = bound.and_then(|bound| of_size(shape, value, bound + beyond));
            if let (Some(bound), Some(wrong)) = (bound, wrong) {
                let reason = format!("Member must have {what} {relation} {bound}");
                self.add(pointer, Some(wrong), parameter(path, &reason));
            }
        }
    }

    fn add(&mut self, pointer: &str, wrong: Option<Value>, expected: Expected) {
        let mut input = self.example.clone();
        match wrong {
            Some(wrong) => *input.pointer_mut(pointer).unwrap() = wrong,
            None => {
                let (parent, name) = pointer.rsplit_once('/').unwrap();
                input.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
            }
        }
        self.found.push(Violation { pointer: pointer.to_owned(), input, expected });
    }
}

fn parameter(path: &str, reason: &str) -> Expected {
    Expected::Parameter { path: path.to_owned(), reason: reason.to_owned() }
}

/// A value of the shape that has this size; `None` where there is none.
fn of_size(shape: &Shape, value: &Value, size: i64) -> Option<Value> {
    if matches!(shape.kind, Kind::Integer | Kind::Long) {
        return Some(json!(size));
    }
    let size = usize::try_from(size).ok()?;
    match &shape.kind {
        Kind::String => Some(json!("a".repeat(size))),
        Kind::Blob => Some(json!(base64_of(size))),
        Kind::List { .. } => Some(Value::Array(vec![value.get(0)?.clone(); size])),
        _ => None,
    }
}

/// Base64 that decodes to this many zeros.
fn base64_of(size: usize) -> String {
    "AAAA".repeat(size / 3) + ["", "AA==", "AAA="][size % 3]
}
