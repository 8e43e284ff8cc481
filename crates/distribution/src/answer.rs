//! Answers: status, headers, body, and the error format of the specification.

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;
use wharf_policy::Requester;
use wharf_registry::Error;

use crate::RequestId;

const VERSION_HEADER: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const VERSION: HeaderValue = HeaderValue::from_static("registry/2.0");
const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// An answer on its way out.
pub struct Reply {
    response: Response<Body>,
    error: Option<(&'static str, String)>,
}

/// What the log and the audit trail tell of an answer; in the response's extensions.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Who called, once proven.
    pub requester: Option<Requester>,
    /// The specification's error code, if it is an error, and the message.
    pub error: Option<(&'static str, String)>,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn new(status: StatusCode) -> Reply {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response.headers_mut().insert(VERSION_HEADER, VERSION);
        Reply { response, error: None }
    }

    pub(crate) fn base() -> Reply {
        Reply::new(StatusCode::OK).bytes("application/json", Bytes::from_static(b"{}"))
    }

    pub(crate) fn text(status: StatusCode, text: &'static str) -> Reply {
        Reply::new(status).bytes(TEXT, Bytes::from_static(text.as_bytes()))
    }

    pub(crate) fn not_found() -> Reply {
        Reply::error_of(StatusCode::NOT_FOUND, "UNSUPPORTED", "There is no such endpoint")
    }

    /// The error's own answer. Faults of ours are logged here, where their cause is still known.
    pub(crate) fn refusal(error: &Error, request: Option<RequestId>) -> Reply {
        if error.is_fault() {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            let request_id = request.map(|request| tracing::field::display(request.0));
            tracing::error!(request_id, %error, cause, "the request failed");
        }
        let codes = error.codes();
        let status =
            StatusCode::from_u16(codes.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reply = Reply::error_of(status, codes.oci, &error.to_string());
        match error {
            Error::RangeInvalid { received } => reply.header("range", &range(*received)),
            Error::Full => reply.header("retry-after", "60"),
            Error::Unavailable(_) | Error::UploadBusy => reply.header("retry-after", "2"),
            _ => reply,
        }
    }

    /// `{"errors":[{"code":…,"message":…}]}` and a newline, as ECR prints it.
    pub(crate) fn error_of(status: StatusCode, code: &'static str, message: &str) -> Reply {
        let body = json!({ "errors": [{ "code": code, "message": message }] });
        Reply::new(status).bytes(JSON, format!("{body}\n").into()).error(code, message)
    }

    pub(crate) fn bytes(self, content_type: &str, bytes: Bytes) -> Reply {
        let length = bytes.len() as u64;
        self.body(content_type, length, Body::from(bytes))
    }

    pub(crate) fn body(mut self, content_type: &str, length: u64, body: Body) -> Reply {
        *self.response.body_mut() = body;
        self.response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        self.header("content-type", content_type)
    }

    /// Sets a header. A value that no header can hold is left out.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds one more value to a header.
    pub(crate) fn also(mut self, name: &'static str, value: &str) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().append(HeaderName::from_static(name), value);
        }
        self
    }

    pub(crate) fn error(mut self, code: &'static str, message: &str) -> Reply {
        self.error = Some((code, message.to_owned()));
        self
    }

    /// The response; without its body, but with its length, when only the head was asked for.
    pub(crate) fn finish(self, head: bool, requester: Option<Requester>) -> Response<Body> {
        let mut response = self.response;
        if head {
            *response.body_mut() = Body::empty();
        }
        response.extensions_mut().insert(Outcome { requester, error: self.error });
        response
    }
}

/// The `Range` of an upload that holds `received` bytes. Nothing received is told as `0-0`, as
/// every registry does.
pub(crate) fn range(received: u64) -> String {
    format!("0-{}", received.saturating_sub(1))
}
