//! The ECR API of a running Wharf, asked in calls that are signed with the root credentials that it
//! made for its data folder.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use hyper::header::HOST;
use hyper::{Method, Request};
use percent_encoding::NON_ALPHANUMERIC;
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::content::{Content, ContentBody};

const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921";
const REGION: &str = "us-east-1";

/// The ECR API of a running Wharf.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    credentials: Credentials,
}

impl Api {
    /// The API at `address`, with the credentials in `dir/data/credentials`.
    ///
    /// # Errors
    /// Fails if the file lacks a key.
    pub fn of(address: SocketAddr, dir: &Path) -> anyhow::Result<Self> {
        let file = dir.join("data/credentials");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let key =
            |name| value(&text, name).with_context(|| format!("no {name} in {}", file.display()));
        let credentials = Credentials::new(
            key("aws_access_key_id")?,
            key("aws_secret_access_key")?,
            None,
            None,
            "bench",
        );
        Ok(Self { address, credentials })
    }

    /// The `Authorization` header under which the token lets in on `/v2/`.
    ///
    /// # Errors
    /// Fails if no token is given.
    pub async fn registry_authorization(&self) -> anyhow::Result<String> {
        let mut client = Client::connect(self.address, None).await?;
        let answer = self.call(&mut client, "GetAuthorizationToken", &json!({})).await?;
        let answer: Value = serde_json::from_slice(&answer.body)?;
        let token = answer["authorizationData"][0]["authorizationToken"].as_str();
        Ok(format!("Basic {}", token.context("GetAuthorizationToken gave no token")?))
    }

    /// Makes a repository, over `client`.
    ///
    /// # Errors
    /// Fails if it is refused.
    pub async fn create_repository(&self, client: &mut Client, name: &str) -> anyhow::Result<()> {
        self.call(client, "CreateRepository", &json!({ "repositoryName": name })).await?;
        Ok(())
    }

    /// Calls an operation over `client`; the answer is one of success.
    ///
    /// # Errors
    /// Fails if it is refused, and shows why.
    pub async fn call(
        &self,
        client: &mut Client,
        operation: &str,
        input: &Value,
    ) -> anyhow::Result<Answer> {
        let target = format!("{TARGET}.{operation}");
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let request = self.signed("ecr", &headers, input.to_string())?;
        client.succeed(request).await.with_context(|| operation.to_owned())
    }

    /// The same API, called with another key.
    pub fn with_key(&self, id: &str, secret: &str) -> Self {
        let credentials = Credentials::new(id, secret, None, None, "bench");
        Self { address: self.address, credentials }
    }

    /// Calls an operation of IAM over `client`, and gives the document of its answer.
    ///
    /// # Errors
    /// Fails if it is refused, and shows why.
    pub async fn iam(
        &self,
        client: &mut Client,
        operation: &str,
        input: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let mut form = format!("Action={operation}&Version=2010-05-08");
        for (name, value) in input {
            let value = percent_encoding::utf8_percent_encode(value, NON_ALPHANUMERIC);
            let _ = write!(form, "&{name}={value}");
        }
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let request = self.signed("iam", &headers, form)?;
        let answer = client.succeed(request).await.with_context(|| operation.to_owned())?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// A request to `service` with these headers and this body, signed.
    fn signed(
        &self,
        service: &str,
        headers: &[(&str, &str)],
        input: String,
    ) -> anyhow::Result<Request<ContentBody>> {
        let host = self.address.to_string();
        let all = std::iter::once(("host", host.as_str())).chain(headers.iter().copied());
        let identity = self.credentials.clone().into();
        let settings = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let uri = format!("http://{host}/");
        let signable =
            SignableRequest::new("POST", &uri, all, SignableBody::Bytes(input.as_bytes()))?;
        let (signature, _) = sign(signable, &settings)?.into_parts();
        let mut request = Request::builder().method(Method::POST).uri("/").header(HOST, &host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Content::Text(Bytes::from(input)).sized())?;
        signature.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// The value of a key in an AWS credentials file.
fn value(text: &str, key: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_a_credentials_file() {
        let text = "[default]\naws_access_key_id = AKIA\naws_secret_access_key=a/b+c=\n";
        assert_eq!(value(text, "aws_access_key_id").as_deref(), Some("AKIA"));
        assert_eq!(value(text, "aws_secret_access_key").as_deref(), Some("a/b+c="));
        assert_eq!(value(text, "aws_session_token"), None);
    }
}
