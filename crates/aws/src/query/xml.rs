//! Writing the XML documents of responses and errors from JSON values, guided by the model.

use std::fmt::{self, Write};

use serde_json::Value;

use crate::{
    Model, Operation, ShapeRef,
    model::{Kind, Member},
};

/// The document of a success. `output` must fit the model's output shape (see
/// `Model::check_output`): what does not is left out or written as it stands. Timestamps are
/// numbers of seconds and come out as `2026-01-02T03:04:05Z`. An operation without output gets no
/// result element.
pub fn response(model: &Model, operation: &Operation, output: &Value, request_id: &str) -> String {
    let name = &operation.name;
    let namespace = model.metadata.xml_namespace.as_deref().unwrap_or_default();
    let mut document = Document(String::new());
    let _ = write!(document.0, "<{name}Response xmlns=\"{}\">", Escaped(namespace));
    if let Some(shape) = operation.output {
        document
            .element(&format!("{name}Result"), |document| document.content(model, shape, output));
    }
    document.element("ResponseMetadata", |document| document.text_element("RequestId", request_id));
    let _ = write!(document.0, "</{name}Response>");
    document.0
}

/// The document of an error in the namespace of `model`; the status tells whose fault it is.
pub fn error(model: &Model, code: &str, status: u16, message: &str, request_id: &str) -> String {
    error_in(
        model.metadata.xml_namespace.as_deref().unwrap_or_default(),
        code,
        status,
        message,
        request_id,
    )
}

/// The document for an action or version that is not known: code `InvalidAction`, status 400.
pub fn invalid_action(action: &str, version: &str, request_id: &str) -> String {
    let message = format!("Could not find operation {action} for version {version}");
    error_in(
        "http://webservices.amazon.com/AWSFault/2005-15-09",
        "InvalidAction",
        400,
        &message,
        request_id,
    )
}

fn error_in(namespace: &str, code: &str, status: u16, message: &str, request_id: &str) -> String {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let mut document = Document(String::new());
    let _ = write!(document.0, "<ErrorResponse xmlns=\"{}\">", Escaped(namespace));
    document.element("Error", |document| {
        document.text_element("Type", fault);
        document.text_element("Code", code);
        document.text_element("Message", message);
    });
    document.text_element("RequestId", request_id);
    document.0.push_str("</ErrorResponse>");
    document.0
}

/// A document as far as it is written. Writing to a String cannot fail, so results of `write!` are
/// dropped.
struct Document(String);

impl Document {
    fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        let _ = write!(self.0, "<{name}>");
        content(self);
        let _ = write!(self.0, "</{name}>");
    }

    fn text_element(&mut self, name: &str, text: &str) {
        let _ = write!(self.0, "<{name}>{}</{name}>", Escaped(text));
    }

    fn content(&mut self, model: &Model, shape: ShapeRef, value: &Value) {
        let kind = &model.shape(shape).kind;
        match (kind, value) {
            (Kind::Structure { members, .. }, _) => self.members(model, members, value),
            (Kind::List { item, .. }, Value::Array(items)) => {
                self.items("member", model, *item, items)
            }
            (Kind::Map { value: item, .. }, Value::Object(object)) => {
                for (key, value) in object {
                    self.element("entry", |document| {
                        document.text_element("key", key);
                        document.element("value", |document| document.content(model, *item, value));
                    });
                }
            }
            (Kind::Timestamp, Value::Number(seconds)) => {
                self.timestamp(seconds.as_f64().unwrap_or_default())
            }
            (_, Value::String(text)) => {
                let _ = write!(self.0, "{}", Escaped(text));
            }
            (_, scalar) => {
                let _ = write!(self.0, "{}", Escaped(&scalar.to_string()));
            }
        }
    }

    /// The members that are there; null is as good as absent.
    fn members(&mut self, model: &Model, members: &[Member], value: &Value) {
        for member in members {
            let Some(value) = value.get(&member.name).filter(|value| !value.is_null()) else {
                continue;
            };
            match (&model.shape(member.shape).kind, value) {
                (Kind::List { item, flattened: true }, Value::Array(items)) => {
                    self.items(&member.name, model, *item, items);
                }
                _ => self
                    .element(&member.name, |document| document.content(model, member.shape, value)),
            }
        }
    }

    fn items(&mut self, name: &str, model: &Model, item: ShapeRef, items: &[Value]) {
        for value in items {
            self.element(name, |document| document.content(model, item, value));
        }
    }

    /// Whole seconds, as IAM and STS print them.
    fn timestamp(&mut self, seconds: f64) {
        let time = jiff::Timestamp::from_second(seconds.floor() as i64)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let _ = write!(self.0, "{}", time.strftime("%Y-%m-%dT%H:%M:%SZ"));
    }
}

/// Text as XML 1.0 takes it. Characters that it cannot hold, even escaped, become U+FFFD.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                // A parser would make a space or line feed of these three.
                '\t' | '\n' | '\r' => write!(f, "&#x{:X};", u32::from(character))?,
                '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => f.write_char('\u{FFFD}')?,
                '\u{7F}'..='\u{9F}' => write!(f, "&#x{:X};", u32::from(character))?,
                plain => f.write_char(plain)?,
            }
        }
        Ok(())
    }
}
