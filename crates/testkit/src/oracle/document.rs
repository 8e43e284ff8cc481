//! The XML documents of answers as values, read with the model's help.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Map, Value, json};
use wharf_aws::model::Kind;
use wharf_aws::{Model, Operation, ShapeRef};

use crate::ApiError;

/// The output of a success.
pub(super) fn output(model: &Model, operation: &Operation, text: &str) -> Result<Value, String> {
    let root = parse(text)?;
    let response = root.only(&format!("{}Response", operation.name))?;
    let namespace = model.metadata.xml_namespace.as_deref().unwrap_or_default();
    if !text.starts_with(&format!("<{}Response xmlns=\"{namespace}\">", operation.name)) {
        return Err(format!("another namespace than {namespace}"));
    }
    let result = response.child(&format!("{}Result", operation.name));
    match (operation.output, result) {
        (Some(shape), Some(result)) => result.value(model, shape),
        (None, None) => Ok(json!({})),
        (Some(_), None) => Err("no result element".to_owned()),
        (None, Some(_)) => Err("a result element where the model has no output".to_owned()),
    }
}

/// The error of a refusal.
pub(super) fn error(text: &str, status: u16) -> Result<ApiError, String> {
    let root = parse(text)?;
    let error = root.only("ErrorResponse")?.only("Error")?;
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    if error.only("Type")?.text != fault {
        return Err(format!("the type of {status} is {fault}"));
    }
    let (code, message) = (error.only("Code")?.text.clone(), error.only("Message")?.text.clone());
    Ok(ApiError { code, message, status, extra: Map::new() })
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(String, Node)>,
    text: String,
}

fn parse(document: &str) -> Result<Node, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("no document: {error}");
    let mut reader = Reader::from_str(document);
    let mut open = vec![(String::new(), Node::default())];
    loop {
        let event = reader.read_event().map_err(|error| wrong(&error))?;
        let (_, top) = open.last_mut().ok_or("an end too many")?;
        match event {
            Event::Start(start) => {
                open.push((start.name().0.to_owned(), Node::default()));
            }
            Event::Text(text) => top.text.push_str(&text),
            Event::GeneralRef(reference) => {
                match reference.resolve_char_ref().map_err(|error| wrong(&error))? {
                    Some(character) => top.text.push(character),
                    None => top.text.push_str(
                        resolve_predefined_entity(&reference).ok_or("an unknown entity")?,
                    ),
                }
            }
            Event::End(_) => {
                let closed = open.pop().ok_or("an end too many")?;
                let (_, parent) = open.last_mut().ok_or("an end too many")?;
                parent.children.push(closed);
            }
            Event::Eof => break,
            other => return Err(format!("unexpected {other:?}")),
        }
    }
    let (_, root) = open.pop().ok_or("no root")?;
    Ok(root)
}

impl Node {
    fn child(&self, wanted: &str) -> Option<&Node> {
        self.children.iter().find(|(name, _)| name == wanted).map(|(_, node)| node)
    }

    fn only(&self, wanted: &str) -> Result<&Node, String> {
        self.child(wanted).ok_or_else(|| format!("no element {wanted}"))
    }

    fn value(&self, model: &Model, shape: ShapeRef) -> Result<Value, String> {
        let number = |error: &dyn std::fmt::Display| format!("{:?}: {error}", self.text);
        Ok(match &model.shape(shape).kind {
            Kind::Structure { members, .. } => {
                let mut object = Map::new();
                for (name, node) in &self.children {
                    let member = members.iter().find(|member| member.name == *name);
                    let member = member.ok_or_else(|| format!("the model has no {name}"))?;
                    object.insert(name.clone(), node.value(model, member.shape)?);
                }
                Value::Object(object)
            }
            Kind::List { item, .. } => {
                let items = self.children.iter().map(|(_, node)| node.value(model, *item));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Kind::Map { value, .. } => {
                let mut object = Map::new();
                for (_, entry) in &self.children {
                    let key = entry.only("key")?.text.clone();
                    object.insert(key, entry.only("value")?.value(model, *value)?);
                }
                Value::Object(object)
            }
            Kind::String | Kind::Blob => json!(self.text),
            Kind::Timestamp => {
                let time = self.text.parse::<jiff::Timestamp>().map_err(|error| number(&error))?;
                json!(time.as_second())
            }
            _ => serde_json::from_str(&self.text).map_err(|error| number(&error))?,
        })
    }
}
