//! Inputs as forms, the way clients write them.

use serde_json::Value;
use wharf_aws::model::Kind;
use wharf_aws::{Model, Operation, ShapeRef, query};

/// The form of a call. A member that is null is left out, an empty list is sent as an empty value.
#[must_use]
pub fn form(model: &Model, operation: &Operation, input: &Value) -> String {
    let version = &model.metadata.api_version;
    let mut pairs = vec![
        ("Action".to_owned(), operation.name.clone()),
        ("Version".to_owned(), version.clone()),
    ];
    if let Some(shape) = operation.input {
        flatten(model, shape, input, "", &mut pairs);
    }
    let pair = |(name, value): &(String, String)| format!("{name}={}", query::document(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn flatten(
    model: &Model,
    shape: ShapeRef,
    value: &Value,
    name: &str,
    pairs: &mut Vec<(String, String)>,
) {
    match (&model.shape(shape).kind, value) {
        (_, Value::Null) => {}
        (Kind::Structure { members, .. }, Value::Object(object)) => {
            for member in members {
                let dot = if name.is_empty() { "" } else { "." };
                let inner = format!("{name}{dot}{}", member.name);
                let value = object.get(&member.name).unwrap_or(&Value::Null);
                flatten(model, member.shape, value, &inner, pairs);
            }
        }
        (Kind::List { item, .. }, Value::Array(items)) => {
            if items.is_empty() {
                pairs.push((name.to_owned(), String::new()));
            }
            for (index, value) in items.iter().enumerate() {
                flatten(model, *item, value, &format!("{name}.member.{}", index + 1), pairs);
            }
        }
        (_, Value::String(text)) => pairs.push((name.to_owned(), text.clone())),
        (_, other) => pairs.push((name.to_owned(), other.to_string())),
    }
}
