//! The ECR API as an SDK calls it: signed by AWS's own signer, at the test's own time. Every answer
//! is held against AWS's model on the way.

use std::fmt;

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::Request;
use serde_json::{Map, Value};
use wharf_aws::model::Kind;
use wharf_aws::{Model, Operation};

use crate::http::{Response, whole};
use crate::{FakeClock, Wharf};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// Errors that every operation may answer, whatever the model says (ECR's "Common errors").
const COMMON: &[&str] = &[
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidParameterException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SerializationException",
    "ServiceUnavailable",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
];

/// An access key, and the Region that its requests are signed for.
#[derive(Clone, Default)]
pub struct Credentials {
    pub id: String,
    pub secret: String,
    pub region: String,
    /// Of temporary credentials.
    pub token: Option<String>,
}

impl Credentials {
    /// The same key, signing for another Region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Credentials {
        Credentials { region: region.to_owned(), ..self.clone() }
    }
}

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub code: String,
    pub message: String,
    pub status: u16,
    /// Members beside code and message.
    pub extra: Map<String, Value>,
}

impl ApiError {
    /// The error that has nothing beside code and message.
    #[must_use]
    pub fn plain(code: &str, message: &str) -> ApiError {
        let status = 400;
        ApiError { code: code.to_owned(), message: message.to_owned(), status, extra: Map::new() }
    }

    /// The same with another status than 400, as IAM and STS have them.
    #[must_use]
    pub fn with_status(self, status: u16) -> ApiError {
        ApiError { status, ..self }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

/// Calls an operation.
///
/// # Errors
/// The error that the server told.
///
/// # Panics
/// When the answer is none that AWS's model allows: an output that does not fit its shape, an error
/// that the operation does not declare, a wrong status or content type, no request id.
pub async fn call(
    wharf: &Wharf,
    credentials: &Credentials,
    operation: &str,
    input: Value,
) -> Result<Value, ApiError> {
    let response = post(wharf, credentials, operation, input.to_string().into_bytes()).await;
    let told = format!("{operation}({})", excerpt(&input.to_string()));
    read(operation, &response).unwrap_or_else(|breach| panic!("{told}: {breach}"))
}

/// Posts a signed body to an operation, whatever it holds.
pub async fn post(
    wharf: &Wharf,
    credentials: &Credentials,
    operation: &str,
    body: Vec<u8>,
) -> Response {
    let request = signed(request(wharf, operation, body), credentials, &wharf.clock);
    wharf.http.send(request.map(whole)).await.unwrap()
}

/// A request to an operation, not signed yet.
#[must_use]
pub fn request(wharf: &Wharf, operation: &str, body: Vec<u8>) -> Request<Vec<u8>> {
    let prefix = Model::ecr().metadata.target_prefix.as_deref().unwrap();
    Request::post(format!("http://{}/", wharf.address))
        .header("host", wharf.address.to_string())
        .header("content-type", CONTENT_TYPE)
        .header("x-amz-target", format!("{prefix}.{operation}"))
        .body(body)
        .unwrap()
}

/// Signs for ECR with AWS's signer.
#[must_use]
pub fn signed(
    request: Request<Vec<u8>>,
    credentials: &Credentials,
    clock: &FakeClock,
) -> Request<Vec<u8>> {
    signed_for("ecr", SigningSettings::default(), request, credentials, clock)
}

/// Signs for a service (`ecr`, `iam`, `sts`) with AWS's signer, in the headers or as `settings` say.
#[must_use]
pub fn signed_for(
    service: &str,
    settings: SigningSettings,
    mut request: Request<Vec<u8>>,
    credentials: &Credentials,
    clock: &FakeClock,
) -> Request<Vec<u8>> {
    let Credentials { id, secret, region, token } = credentials;
    let identity = AwsCredentials::new(id, secret, token.clone(), None, "test").into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(clock.time())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = request.uri().to_string();
    let headers =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), &uri, headers, body).unwrap();
    let (instructions, _) = sign(signable, &parameters).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}

/// Reads an answer to `operation`; what AWS would never answer is told as a breach.
///
/// # Errors
/// The breach, in words.
pub fn read(operation: &str, response: &Response) -> Result<Result<Value, ApiError>, String> {
    let model = Model::ecr();
    let operation = model.operation(operation).ok_or("the model has no such operation")?;
    if response.header("content-type") != CONTENT_TYPE {
        return Err(format!("content type {:?}", response.header("content-type")));
    }
    if response.header("x-amzn-requestid").is_empty() {
        return Err("no request id".to_owned());
    }
    let body: Value = serde_json::from_slice(&response.body).map_err(|error| error.to_string())?;
    if response.status == 200 {
        model.check_output(operation, &body)?;
        return Ok(Ok(body));
    }
    read_error(operation, response, body).map(Err)
}

fn read_error(operation: &Operation, response: &Response, body: Value) -> Result<ApiError, String> {
    let Value::Object(mut extra) = body else { return Err(format!("{body} is no error")) };
    let mut text = |name| match extra.remove(name) {
        Some(Value::String(text)) => Ok(text),
        other => Err(format!("{name} is {other:?}")),
    };
    let (code, message) = (text("__type")?, text("message")?);
    let error = ApiError { code, message, status: response.status, extra };
    let declared = operation.errors.contains(&error.code);
    if !declared && !COMMON.contains(&error.code.as_str()) {
        return Err(format!("{} does not declare the error {error}", operation.name));
    }
    if response.header("x-amzn-errortype") != error.code {
        return Err(format!("the header's error type {:?}", response.header("x-amzn-errortype")));
    }
    let status = match error.code.as_str() {
        "ServerException" => 500,
        "ServiceUnavailable" => 503,
        _ => 400,
    };
    if error.status != status {
        return Err(format!("status {} for {error}", error.status));
    }
    unknown_member(&error).map_or(Ok(error), Err)
}

/// A member that the model's exception does not have.
fn unknown_member(error: &ApiError) -> Option<String> {
    let known: Vec<&str> = match Model::ecr().shape_named(&error.code).map(|shape| &shape.kind) {
        Some(Kind::Structure { members, .. }) => {
            members.iter().map(|member| member.name.as_str()).collect()
        }
        _ => Vec::new(),
    };
    let unknown = error.extra.keys().find(|name| !known.contains(&name.as_str()))?;
    Some(format!("{} has no member {unknown}", error.code))
}

fn excerpt(text: &str) -> String {
    text.chars().take(200).collect()
}
