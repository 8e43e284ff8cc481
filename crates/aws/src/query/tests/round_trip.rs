//! Inputs through forms and outputs through documents, for every operation: what goes in comes out.

use std::collections::BTreeMap;

use quick_xml::{Reader, escape::resolve_predefined_entity, events::Event};
use serde_json::{Map, Value, json};

use super::{input, response};
use crate::{Model, Operation, ShapeRef, escape, model::Kind};

/// Writes `value` the way clients do.
fn flatten(
    model: &Model,
    shape: ShapeRef,
    value: &Value,
    name: &str,
    pairs: &mut BTreeMap<String, String>,
) {
    match &model.shape(shape).kind {
        Kind::Structure { members, .. } => {
            for member in members.iter().filter(|member| value.get(&member.name).is_some()) {
                let inner = if name.is_empty() {
                    member.name.clone()
                } else {
                    format!("{name}.{}", member.name)
                };
                flatten(model, member.shape, &value[&member.name], &inner, pairs);
            }
        }
        Kind::List { item, .. } => {
            for (index, value) in value.as_array().unwrap().iter().enumerate() {
                flatten(model, *item, value, &format!("{name}.member.{}", index + 1), pairs);
            }
        }
        Kind::Map { value: item, .. } => {
            for (index, (key, value)) in value.as_object().unwrap().iter().enumerate() {
                pairs.insert(format!("{name}.entry.{}.key", index + 1), key.clone());
                flatten(model, *item, value, &format!("{name}.entry.{}.value", index + 1), pairs);
            }
        }
        Kind::Timestamp => {
            let millisecond = (value.as_f64().unwrap() * 1000.0) as i64;
            let time = jiff::Timestamp::from_millisecond(millisecond).unwrap();
            pairs.insert(name.to_owned(), time.to_string());
        }
        Kind::String | Kind::Blob => {
            drop(pairs.insert(name.to_owned(), value.as_str().unwrap().to_owned()))
        }
        _ => drop(pairs.insert(name.to_owned(), value.to_string())),
    }
}

fn encoded(pairs: &BTreeMap<String, String>) -> String {
    let pairs =
        pairs.iter().map(|(name, value)| format!("{name}={}", escape::encode(value.as_bytes())));
    pairs.collect::<Vec<_>>().join("&")
}

#[test]
fn every_input_goes_through_a_form_unchanged() {
    for model in [Model::iam(), Model::sts()] {
        for operation in model.operations() {
            let example = model.example_input(operation);
            let mut pairs = BTreeMap::new();
            if let Some(shape) = operation.input {
                flatten(model, shape, &example, "", &mut pairs);
            }
            assert_eq!(
                input(model, &operation.name, &encoded(&pairs)),
                Ok(example),
                "{}",
                operation.name
            );
        }
    }
}

/// A form's name has as many parts as it likes; the walk stays shallow because no shape is inside
/// itself.
fn assert_not_inside_itself(model: &Model, shape: ShapeRef, inside: &mut Vec<ShapeRef>) {
    assert!(
        !inside.contains(&shape),
        "a shape inside itself: the walk of a form needs a limit of depth"
    );
    inside.push(shape);
    match &model.shape(shape).kind {
        Kind::Structure { members, .. } => {
            members.iter().for_each(|member| assert_not_inside_itself(model, member.shape, inside));
        }
        Kind::List { item, .. } | Kind::Map { value: item, .. } => {
            assert_not_inside_itself(model, *item, inside)
        }
        _ => {}
    }
    inside.pop();
}

#[test]
fn no_input_has_a_shape_inside_itself() {
    for model in [Model::ecr(), Model::iam(), Model::sts()] {
        for input in model.operations().filter_map(|operation| operation.input) {
            assert_not_inside_itself(model, input, &mut Vec::new());
        }
    }
}

/// The document as a value, read with the model's help.
pub(super) fn parsed(model: &Model, operation: &Operation, document: &str) -> Value {
    let mut reader = Reader::from_str(document);
    let mut open = vec![(String::new(), Node::default())];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push((start.name().0.to_owned(), Node::default())),
            Event::Text(text) => open.last_mut().unwrap().1.text.push_str(&text),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().unwrap() {
                    Some(character) => character.to_string(),
                    None => resolve_predefined_entity(&reference).unwrap().to_owned(),
                };
                open.last_mut().unwrap().1.text.push_str(&character);
            }
            Event::End(_) => {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().1.children.push(closed);
            }
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    let (_, root) = open.pop().unwrap();
    let result = root
        .child(&format!("{}Response", operation.name))
        .unwrap()
        .child(&format!("{}Result", operation.name));
    match (operation.output, result) {
        (Some(output), Some(result)) => result.value(model, output),
        (None, None) => json!({}),
        other => panic!("{}: {other:?}", operation.name),
    }
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(String, Node)>,
    text: String,
}

impl Node {
    fn child(&self, wanted: &str) -> Option<&Node> {
        self.children.iter().find(|(name, _)| name == wanted).map(|(_, node)| node)
    }

    fn value(&self, model: &Model, shape: ShapeRef) -> Value {
        match &model.shape(shape).kind {
            Kind::Structure { members, .. } => {
                let known =
                    |name: &String| members.iter().find(|member| member.name == *name).unwrap();
                let entries = self
                    .children
                    .iter()
                    .map(|(name, node)| (name.clone(), node.value(model, known(name).shape)));
                Value::Object(entries.collect())
            }
            Kind::List { item, .. } => {
                self.children.iter().map(|(_, node)| node.value(model, *item)).collect()
            }
            Kind::Map { value, .. } => {
                let entry = |node: &Node| {
                    let key = node.child("key").unwrap().text.clone();
                    (key, node.child("value").unwrap().value(model, *value))
                };
                Value::Object(
                    self.children.iter().map(|(_, node)| entry(node)).collect::<Map<_, _>>(),
                )
            }
            Kind::String | Kind::Blob => json!(self.text),
            Kind::Timestamp => json!(self.text.parse::<jiff::Timestamp>().unwrap().as_second()),
            _ => serde_json::from_str(&self.text).unwrap(),
        }
    }
}

/// Timestamps without their fractions, which the protocol does not carry.
fn whole_seconds(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            object.into_iter().map(|(key, value)| (key, whole_seconds(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(whole_seconds).collect(),
        Value::Number(number) if number.is_f64() => json!(number.as_f64().unwrap().floor() as i64),
        other => other,
    }
}

#[test]
fn every_output_goes_through_a_document_unchanged() {
    for model in [Model::iam(), Model::sts()] {
        for operation in model.operations() {
            let example = model.example_output(operation);
            let document = response(model, operation, &example, "the id");
            assert_eq!(parsed(model, operation, &document), whole_seconds(example), "{document}");
            assert!(
                document
                    .contains("<ResponseMetadata><RequestId>the id</RequestId></ResponseMetadata>")
            );
        }
    }
}
