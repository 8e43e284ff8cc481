//! The ECR API of a running Wharf, asked in calls that are signed with the root credentials that it
//! made for its data folder.

use std::net::SocketAddr;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
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
        let request = self.signed(operation, input.to_string())?;
        client.succeed(request).await.with_context(|| operation.to_owned())
    }

    fn signed(&self, operation: &str, input: String) -> anyhow::Result<Request<ContentBody>> {
        let host = self.address.to_string();
        let target = format!("{TARGET}.{operation}");
        let headers = [
            ("host", host.as_str()),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", &target),
        ];
        let identity = self.credentials.clone().into();
        let settings = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("ecr")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let uri = format!("http://{host}/");
        let signable = SignableRequest::new(
            "POST",
            &uri,
            headers.into_iter(),
            SignableBody::Bytes(input.as_bytes()),
        )?;
        let (signature, _) = sign(signable, &settings)?.into_parts();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header(HOST, &host)
            .header(CONTENT_TYPE, headers[1].1)
            .header("x-amz-target", &target)
            .body(Content::Text(Bytes::from(input)).sized())?;
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
