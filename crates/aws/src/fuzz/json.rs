//! Inputs of ECR's operations.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use crate::{Fault, Model, json, validate::blob};

/// Reads `bytes` as a line with the target (`AmazonEC2ContainerRegistry_V20150921.PutImage`) and a
/// body. Nothing may panic, both checks of an input must agree, refusals must be JSON, and the
/// length of Base64 must be told as a decoder tells it.
///
/// # Panics
/// If there is an error in this crate.
pub fn json_bytes(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (target, body) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let model = Model::ecr();
    let Ok(operation) = json::operation(model, std::str::from_utf8(target).ok()) else { return };
    let input = match json::input(body) {
        Ok(input) => input,
        Err(fault) => return refusal(&fault),
    };
    texts(&input, &mut |text| {
        let decoded = BASE64_STANDARD.decode(text).ok().map(|bytes| bytes.len());
        assert_eq!(blob::decoded_length(text), decoded, "{text}");
    });
    let first = model.check_input(operation, &input);
    match model.unmet(operation, &input) {
        Ok(unmet) => assert_eq!(unmet.first(), first.as_ref().err()),
        Err(wrong_type) => assert_eq!(first.as_ref(), Err(&wrong_type)),
    }
    if let Err(fault) = first {
        refusal(&fault);
    }
}

fn refusal(fault: &Fault) {
    let message = fault.to_string();
    let body = json::error_body("InvalidParameterException", &message, &Map::new());
    let told: Value = serde_json::from_slice(&body).expect("a refusal is JSON");
    assert_eq!(told["message"], message.as_str());
}

/// Shows `see` each string of a value.
fn texts(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, see)),
        Value::Object(members) => members.values().for_each(|member| texts(member, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
