//! IAM and STS called with inputs as the model has them. Every answer is held against AWS's model on
//! the way: its output, its error and that the operation declares it.

mod document;
mod form;

use aws_sigv4::http_request::SigningSettings;
use http::Request;
use serde_json::Value;
use wharf_aws::{Model, Operation};

use crate::http::{Response, whole};
use crate::{ApiError, Credentials, Wharf, api};

pub use form::form;

/// Errors that every operation may answer, whatever the model says ("Common errors" of both
/// services), with their status.
const COMMON: &[(&str, u16)] = &[
    ("AccessDenied", 403),
    ("ExpiredToken", 403),
    ("IncompleteSignature", 400),
    ("InvalidAction", 400),
    ("InvalidClientTokenId", 403),
    ("MalformedInput", 400),
    ("MissingAuthenticationToken", 403),
    ("ServiceUnavailable", 503),
    ("SignatureDoesNotMatch", 403),
    ("Throttling", 400),
    ("ValidationError", 400),
];

/// AWS sends `Policy` where its model says `PermissionsBoundaryPolicy`.
const BOUNDARY_TYPE: &str = "PermissionsBoundaryType";

/// The name of a model's service in the scope of a signature.
#[must_use]
pub fn service(model: &Model) -> String {
    model.signing_name()
}

/// Calls an operation of IAM or STS.
///
/// # Errors
/// The error that the server told.
///
/// # Panics
/// When the answer is none that AWS's model allows: an output that does not fit its shape, an error
/// that the operation does not declare, a wrong status or content type, no request id.
pub async fn call(
    wharf: &Wharf,
    model: &'static Model,
    credentials: &Credentials,
    operation: &str,
    input: &Value,
) -> Result<Value, ApiError> {
    let shape = model.operation(operation).expect("an operation of the model");
    let body = form(model, shape, input);
    let response = post(wharf, model, credentials, body.clone()).await;
    read(model, shape, &response).unwrap_or_else(|breach| panic!("{body}: {breach}"))
}

/// Calls an operation of IAM as the root; see [`call`].
pub async fn iam(wharf: &Wharf, operation: &str, input: Value) -> Result<Value, ApiError> {
    iam_as(wharf, wharf.credentials(), operation, input).await
}

/// Calls an operation of IAM; see [`call`].
pub async fn iam_as(
    wharf: &Wharf,
    credentials: &Credentials,
    operation: &str,
    input: Value,
) -> Result<Value, ApiError> {
    call(wharf, Model::iam(), credentials, operation, &input).await
}

/// Posts a signed form, whatever it holds.
pub async fn post(
    wharf: &Wharf,
    model: &Model,
    credentials: &Credentials,
    body: String,
) -> Response {
    let request = request(wharf, body);
    let (service, settings) = (service(model), SigningSettings::default());
    let request = api::signed_for(&service, settings, request, credentials, &wharf.clock);
    wharf.http.send(request.map(whole)).await.unwrap()
}

/// A form, not signed yet.
#[must_use]
pub fn request(wharf: &Wharf, body: String) -> Request<Vec<u8>> {
    Request::post(format!("http://{}/", wharf.address))
        .header("host", wharf.address.to_string())
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(body.into_bytes())
        .unwrap()
}

/// Reads an answer to `operation`; what AWS would never answer is told as a breach.
///
/// # Errors
/// The breach, in words.
pub fn read(
    model: &Model,
    operation: &Operation,
    response: &Response,
) -> Result<Result<Value, ApiError>, String> {
    if response.header("content-type") != "text/xml" {
        return Err(format!("content type {:?}", response.header("content-type")));
    }
    let id = response.header("x-amzn-requestid");
    if id.is_empty() || !response.text().contains(&format!("<RequestId>{id}</RequestId>")) {
        return Err(format!("the request id {id:?} is not in the document"));
    }
    if response.status == 200 {
        let output = document::output(model, operation, &response.text())?;
        let user = output["User"]["Arn"].as_str().unwrap_or_default();
        let checked = match user.ends_with(":root") {
            true => with_name(output.clone()),
            false => as_modelled(output.clone()),
        };
        model.check_output(operation, &checked)?;
        return Ok(Ok(output));
    }
    let error = document::error(&response.text(), response.status)?;
    declared(model, operation, &error)?;
    Ok(Err(error))
}

fn declared(model: &Model, operation: &Operation, error: &ApiError) -> Result<(), String> {
    let (code, status) = (error.code.as_str(), error.status);
    if COMMON.contains(&(code, status)) {
        return Ok(());
    }
    let mut known = operation.errors.iter().filter_map(|name| model.exception(name));
    match known.any(|known| known.code == code && known.status == status) {
        true => Ok(()),
        false => Err(format!("{} does not declare {status} {error}", operation.name)),
    }
}

/// The root, which AWS shows without the name and path that its model requires.
fn with_name(mut output: Value) -> Value {
    output["User"]["Path"] = "/".into();
    output["User"]["UserName"] = "root".into();
    output
}

/// A percent-encoded text, decoded.
#[must_use]
pub fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// The output with the one word that the model and AWS spell differently.
fn as_modelled(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let member = |(name, value): (String, Value)| match value {
                Value::String(text) if name == BOUNDARY_TYPE && text == "Policy" => {
                    (name, "PermissionsBoundaryPolicy".into())
                }
                value => (name, as_modelled(value)),
            };
            Value::Object(object.into_iter().map(member).collect())
        }
        Value::Array(items) => items.into_iter().map(as_modelled).collect(),
        other => other,
    }
}
