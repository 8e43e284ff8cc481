//! A client that hides nothing: one request, one answer, over one connection that it keeps. It
//! signs API calls, sends the registry token to `/v2/`, follows nothing and repeats nothing.

use std::{net::SocketAddr, time::SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    Blob, Image,
    server::{ACCESS_KEY, SECRET_KEY},
};

/// The media type of [`Image`]s.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// Fails, with what the server said, unless the status is this one.
    ///
    /// # Errors
    /// When it is another.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "expected {status}: {self:?}");
        Ok(self)
    }

    /// The value of a header; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// With the answer, when it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("no JSON: {self:?}"))
    }

    /// The code of the error: the specification's under `/v2/`, the exception's name at the API.
    pub fn code(&self) -> String {
        let body = self.json().unwrap_or_default();
        let code = body["errors"][0]["code"].as_str().or(body["__type"].as_str());
        code.unwrap_or_default().to_owned()
    }
}

/// One client with at most one connection.
pub struct Client {
    address: SocketAddr,
    /// The registry token, once logged in.
    token: Option<String>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client that is not logged in.
    pub fn to(address: SocketAddr) -> Self {
        Self { address, token: None, connection: None }
    }

    /// A client with a token of the root user.
    ///
    /// # Errors
    /// When the server gives none.
    pub async fn login(address: SocketAddr) -> Result<Self> {
        let mut client = Self::to(address);
        let answer = client.ecr("GetAuthorizationToken", json!({})).await?.expect(200)?;
        let token = answer.json()?["authorizationData"][0]["authorizationToken"].clone();
        client.token = Some(token.as_str().context("no token")?.to_owned());
        Ok(client)
    }

    /// Another client with the same token and a connection of its own.
    pub fn another(&self) -> Self {
        Self { address: self.address, token: self.token.clone(), connection: None }
    }

    /// The value of the `Authorization` header under `/v2/`.
    pub fn authorization(&self) -> String {
        format!("Basic {}", self.token.as_deref().unwrap_or_default())
    }

    /// `GET`.
    ///
    /// # Errors
    /// When the connection fails before the answer is there as a whole.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// Any request, with the token.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if self.token.is_some() {
            request = request.header(header::AUTHORIZATION, self.authorization());
        }
        request = request.header(header::HOST, self.address.to_string());
        self.exchange(request.body(body.into())?).await
    }

    /// A call of the ECR API, signed.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn ecr(&mut self, operation: &str, input: Value) -> Result<Answer> {
        self.ecr_with(operation, serde_json::to_vec(&input)?).await
    }

    /// A signed call with any bytes for its input.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn ecr_with(&mut self, operation: &str, input: Vec<u8>) -> Result<Answer> {
        let request = Request::post("/")
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AmazonEC2ContainerRegistry_V20150921.{operation}"))
            .body(Bytes::from(input))?;
        let signed = signed(request)?;
        self.exchange(signed).await
    }

    async fn exchange(&mut self, request: Request<Bytes>) -> Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => connect(self.address).await?,
        };
        connection.ready().await?;
        let answer = connection.send_request(request.map(Full::new)).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        // A server that refuses before it has read the body may close the connection behind it.
        if !head.status.is_client_error() && !head.status.is_server_error() {
            self.connection = Some(connection);
        }
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn signed(mut request: Request<Bytes>) -> Result<Request<Bytes>> {
    let identity = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test").into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("ecr")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| Ok((name.as_str(), value.to_str()?)))
        .collect::<Result<_>>()?;
    let host = request.headers()[header::HOST].to_str()?;
    let uri = format!("http://{host}{}", request.uri());
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new("POST", &uri, headers.into_iter(), body)?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

/// What pushing and pulling takes.
impl Client {
    /// Makes a repository.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn create_repository(&mut self, name: &str) -> Result<()> {
        let input = json!({ "repositoryName": name });
        self.ecr("CreateRepository", input).await?.expect(200)?;
        Ok(())
    }

    /// Begins an upload and gives its path, which may have a query.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn begin_upload(&mut self, repository: &str) -> Result<String> {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let begun = self.send(Method::POST, &path, &[], "").await?.expect(202)?;
        Ok(begun.header("location").to_owned())
    }

    /// Sends a whole blob in one request.
    ///
    /// # Errors
    /// When the connection fails before the answer is there.
    pub async fn try_push_blob(&mut self, repository: &str, blob: &Blob) -> Result<Answer> {
        let path = format!("/v2/{repository}/blobs/uploads/?digest={}", blob.digest);
        let headers = [("content-type", "application/octet-stream")];
        self.send(Method::POST, &path, &headers, blob.bytes()).await
    }

    /// Puts a manifest under a tag or its digest.
    ///
    /// # Errors
    /// When the connection fails before the answer is there.
    pub async fn try_push_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        image: &Image,
    ) -> Result<Answer> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let headers = [("content-type", MANIFEST)];
        self.send(Method::PUT, &path, &headers, image.manifest.clone()).await
    }

    /// Pushes an image with everything in it.
    ///
    /// # Errors
    /// When the server refuses anything.
    pub async fn push(&mut self, repository: &str, tag: &str, image: &Image) -> Result<()> {
        for blob in &image.blobs {
            self.try_push_blob(repository, blob).await?.expect(201)?;
        }
        self.try_push_manifest(repository, tag, image).await?.expect(201)?;
        Ok(())
    }

    /// Pulls an image by its digest and compares every byte.
    ///
    /// # Errors
    /// When anything is missing or different.
    pub async fn pull(&mut self, repository: &str, image: &Image) -> Result<()> {
        let path = format!("/v2/{repository}/manifests/{}", image.digest);
        let manifest = self.get(&path).await?.expect(200)?;
        ensure!(manifest.body == image.manifest, "other bytes of manifest {}", image.digest);
        for blob in &image.blobs {
            self.pull_blob(repository, blob).await?;
        }
        Ok(())
    }

    /// Pulls a blob and compares every byte.
    ///
    /// # Errors
    /// When it is missing or different.
    pub async fn pull_blob(&mut self, repository: &str, blob: &Blob) -> Result<()> {
        if !self.holds_blob(repository, blob).await? {
            bail!("blob {} is missing in {repository}", blob.digest);
        }
        Ok(())
    }

    /// Whether the repository holds this blob.
    ///
    /// # Errors
    /// When what it holds is not this blob, byte for byte, or the server does not know.
    pub async fn holds_blob(&mut self, repository: &str, blob: &Blob) -> Result<bool> {
        let answer = self.get(&format!("/v2/{repository}/blobs/{}", blob.digest)).await?;
        if answer.status == 404 {
            return Ok(false);
        }
        let answer = answer.expect(200)?;
        ensure!(answer.body == blob.bytes(), "other bytes of blob {}", blob.digest);
        Ok(true)
    }

    /// What a tag points to; none when there is no such tag.
    ///
    /// # Errors
    /// When the server does not know.
    pub async fn tag(&mut self, repository: &str, tag: &str) -> Result<Option<String>> {
        let answer = self.get(&format!("/v2/{repository}/manifests/{tag}")).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let answer = answer.expect(200)?;
        let digest = answer.header("docker-content-digest").to_owned();
        let calculated = crate::content::digest(&answer.body);
        ensure!(calculated == digest, "the tag {tag} gives other bytes than its digest says");
        Ok(Some(digest))
    }
}

/// The path that ends an upload: where the server said it goes on, with the digest.
pub fn ending(location: &str, digest: &str) -> String {
    let joint = if location.contains('?') { '&' } else { '?' };
    format!("{location}{joint}digest={digest}")
}

/// Bytes as the ECR API takes them.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
