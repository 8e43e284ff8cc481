//! The AWS JSON 1.1 protocol as ECR speaks it: the operation named by a header, a JSON object each
//! way, errors as `__type` and `message`.

use serde_json::{Map, Value, json};

use crate::{Fault, Model, Operation};

/// Names the operation: `<target prefix>.<operation>`.
pub const TARGET_HEADER: &str = "x-amz-target";
/// Content type of requests and of every answer.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// Carries the request's id in every answer.
pub const REQUEST_ID_HEADER: &str = "x-amzn-requestid";
/// Carries the error's code; some SDKs read it before the body.
pub const ERROR_TYPE_HEADER: &str = "x-amzn-errortype";

/// The target names no operation of the service: `UnknownOperationException`, status 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The operation named by X-Amz-Target is not known")]
pub struct UnknownOperation;

impl UnknownOperation {
    /// AWS's code for it.
    pub const CODE: &str = "UnknownOperationException";
}

/// Finds the operation that the value of `X-Amz-Target` names.
///
/// # Errors
/// When the header is missing, has another service's prefix, or names no operation of `model`.
pub fn operation<'m>(
    model: &'m Model,
    target: Option<&str>,
) -> Result<&'m Operation, UnknownOperation> {
    let (prefix, name) =
        target.and_then(|target| target.rsplit_once('.')).ok_or(UnknownOperation)?;
    let ours = model.metadata.target_prefix.as_deref() == Some(prefix);
    model.operation(name).filter(|_| ours).ok_or(UnknownOperation)
}

/// Reads a request's body; an empty one means `{}`. Limits on its size are the listener's.
///
/// # Errors
/// [`Fault::Serialization`] when the body is not JSON.
pub fn input(body: &[u8]) -> Result<Value, Fault> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(body)
        .map_err(|error| Fault::Serialization(format!("The body is not valid JSON: {error}")))
}

/// The body of an error: `{"__type":"<code>","message":"<message>"}` and the members of `extra`,
/// such as `kmsError`.
pub fn error_body(code: &str, message: &str, extra: &Map<String, Value>) -> Vec<u8> {
    let mut body = extra.clone();
    body.insert("__type".to_owned(), json!(code));
    body.insert("message".to_owned(), json!(message));
    Value::Object(body).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
