//! Signed requests for what `object_store` has no call for: whether the bucket is there, which multipart uploads are
//! under way, and a put with a checksum that is wrong on purpose. Nothing here is tried again.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use object_store::{
    aws::{AwsAuthorizer, AwsCredentialProvider},
    client::{HttpClient, HttpError, HttpRequestBody},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::fault;
use crate::Error;

/// What a signature leaves as it is.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const KEPT_IN_PATHS: AsciiSet = KEPT.remove(b'/');

pub(super) struct Bucket {
    pub(super) name: String,
    /// Where the store is, as the operator knows it.
    pub(super) endpoint: String,
    /// The bucket's own URL, without a slash at the end.
    pub(super) url: String,
    pub(super) region: String,
    pub(super) client: HttpClient,
    pub(super) credentials: AwsCredentialProvider,
}

/// Whatever the store answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error(transparent)]
    Credentials(object_store::Error),
    #[error(transparent)]
    Http(HttpError),
    #[error(transparent)]
    Request(#[from] http::Error),
}

impl From<NoAnswer> for Error {
    fn from(error: NoAnswer) -> Error {
        match error {
            NoAnswer::Credentials(error) => fault::judged(error),
            other => Error::Unavailable(Box::new(other)),
        }
    }
}

impl Bucket {
    /// Sends one request about `key`, or about the bucket when it is empty.
    pub(super) async fn send(
        &self,
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(self.uri(key, query))
            .body(HttpRequestBody::from(body))?;
        *request.headers_mut() = headers;
        let credential = self.credentials.get_credential().await.map_err(NoAnswer::Credentials)?;
        AwsAuthorizer::new(&credential, "s3", &self.region)
            .try_authorize(&mut request, None)
            .map_err(NoAnswer::Credentials)?;
        let response = self.client.execute(request).await.map_err(NoAnswer::Http)?;
        let (parts, body) = response.into_parts();
        let body = body.bytes().await.map_err(NoAnswer::Http)?;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    fn uri(&self, key: &str, query: &[(&str, &str)]) -> String {
        let query: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, &KEPT)))
            .collect();
        let key = utf8_percent_encode(key, &KEPT_IN_PATHS);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/{key}{mark}{}", self.url, query.join("&"))
    }
}

impl Answer {
    /// S3's code for an error, if this is one: `AccessDenied` and the like.
    pub(super) fn code(&self) -> Option<&str> {
        self.member("Code")
    }

    /// A member of S3's error.
    pub(super) fn member(&self, name: &str) -> Option<&str> {
        let text = std::str::from_utf8(&self.body).ok()?;
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
    }
}
