//! IAM and STS as an SDK calls them: a form, signed by AWS's own signer, and an XML document back.
//! What the protocol promises for every answer is held against each of them.

use aws_sigv4::http_request::SigningSettings;
use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Map, Value, json};
use wharf_aws::Model;

use crate::Wharf;
use crate::api::{ApiError, Credentials, signed_for};
use crate::http::{Response, whole};

/// Calls an operation of a service (`iam` or `sts`), without a signature if there are no
/// credentials. The answer is the content of its result element: texts, objects, and arrays for
/// what has only `member`s.
///
/// # Errors
/// The error that the server told.
///
/// # Panics
/// When the answer is none of the protocol.
pub async fn call(
    wharf: &Wharf,
    credentials: Option<&Credentials>,
    service: &str,
    action: &str,
    form: &[(&str, &str)],
) -> Result<Value, ApiError> {
    let request = request(wharf, service, action, form);
    let request = match credentials {
        Some(own) => signed_for(service, SigningSettings::default(), request, own, &wharf.clock),
        None => request,
    };
    let response = wharf.http.send(request.map(whole)).await.unwrap();
    read(action, &response)
}

/// A request to an operation, not signed yet.
#[must_use]
pub fn request(
    wharf: &Wharf,
    service: &str,
    action: &str,
    form: &[(&str, &str)],
) -> Request<Vec<u8>> {
    Request::post(format!("http://{}/", wharf.address))
        .header("host", wharf.address.to_string())
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(body(service, action, form).into_bytes())
        .unwrap()
}

/// The form of an operation, encoded.
#[must_use]
pub fn body(service: &str, action: &str, form: &[(&str, &str)]) -> String {
    let model = if service == "iam" { Model::iam() } else { Model::sts() };
    let version = model.metadata.api_version.as_str();
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = [("Action", action), ("Version", version)].into_iter().chain(form.iter().copied());
    let pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// Reads an answer.
///
/// # Errors
/// The error that the server told.
///
/// # Panics
/// When it is none of the protocol.
pub fn read(action: &str, response: &Response) -> Result<Value, ApiError> {
    let text = response.text();
    assert_eq!(response.header("content-type"), "text/xml", "{text}");
    let (root, document) = element(&text);
    let id = response.header("x-amzn-requestid");
    assert!(!id.is_empty(), "no request id");
    if response.status == 200 {
        assert_eq!(root, format!("{action}Response"));
        assert_eq!(document["ResponseMetadata"]["RequestId"], id);
        return Ok(document.get(format!("{action}Result")).cloned().unwrap_or(json!({})));
    }
    assert_eq!((root.as_str(), &document["RequestId"]), ("ErrorResponse", &json!(id)), "{text}");
    let error = &document["Error"];
    let told = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let fault = if response.status < 500 { "Sender" } else { "Receiver" };
    assert_eq!(told("Type"), fault, "{text}");
    assert_eq!(response.header("x-amzn-errortype"), told("Code"));
    let (code, message, status) = (told("Code"), told("Message"), response.status);
    Err(ApiError { code, message, status, extra: Map::new() })
}

/// The name of the outermost element, and its content.
fn element(text: &str) -> (String, Value) {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(String, Vec<(String, Value)>, String)> = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let name = start.name().as_ref().to_owned();
                open.push((name, Vec::new(), String::new()));
            }
            Event::Text(text) => {
                if let Some((_, _, own)) = open.last_mut() {
                    own.push_str(&text.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                let (_, _, own) = open.last_mut().unwrap();
                match reference.resolve_char_ref().unwrap() {
                    Some(character) => own.push(character),
                    None => own.push_str(resolve_predefined_entity(&reference).unwrap()),
                }
            }
            Event::End(_) => {
                let (name, children, own) = open.pop().unwrap();
                let value = value(children, own);
                match open.last_mut() {
                    Some((_, siblings, _)) => siblings.push((name, value)),
                    None => return (name, value),
                }
            }
            Event::Eof => panic!("not a whole document: {text}"),
            _ => {}
        }
    }
}

fn value(children: Vec<(String, Value)>, own: String) -> Value {
    if children.is_empty() {
        return Value::String(own);
    }
    if children.iter().all(|(name, _)| name == "member") {
        return children.into_iter().map(|(_, value)| value).collect();
    }
    Value::Object(children.into_iter().collect())
}
