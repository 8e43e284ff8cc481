//! One keep-alive connection that pushes and asks as a registry client does. What a sample reads in
//! bulk goes through [`super::reader`], which costs the machine less.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, HOST, HeaderMap, HeaderName, LOCATION,
};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;

use super::content::{Content, ContentBody};
use super::image::{Blob, Image, MANIFEST};

/// The length of the chunks of a chunked push.
const CHUNK: u64 = 16 << 20;

/// How the bytes of a blob travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// POST, then one PUT with the bytes: containerd's way.
    Monolithic,
    /// POST, one PATCH of unknown length, PUT: docker's way.
    Streamed,
    /// POST, a PATCH for each 16 MiB, PUT.
    Chunked,
}

/// A connection to one server.
#[derive(Debug)]
pub struct Client {
    sender: SendRequest<ContentBody>,
    host: String,
    authorization: Option<String>,
}

/// A whole, successful answer.
#[derive(Debug)]
pub struct Answer {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Client {
    /// Connects. `authorization` is sent with every request.
    ///
    /// # Errors
    /// Fails if nobody listens there.
    pub async fn connect(
        address: SocketAddr,
        authorization: Option<String>,
    ) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Whatever breaks the connection is told by the request that waits on it.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string(), authorization })
    }

    /// Pushes a blob to `repository`.
    ///
    /// # Errors
    /// Fails if the server refuses any step.
    pub async fn push_blob(
        &mut self,
        repository: &str,
        blob: &Blob,
        way: Push,
    ) -> anyhow::Result<()> {
        let begun = self
            .call(Method::POST, &format!("/v2/{repository}/blobs/uploads/"), ContentBody::empty())
            .await?;
        let mut upload = location(&begun)?;
        let content = &blob.content;
        let last = match way {
            Push::Monolithic => content.sized(),
            Push::Streamed => {
                upload = location(&self.call(Method::PATCH, &upload, content.streamed()).await?)?;
                ContentBody::empty()
            }
            Push::Chunked => {
                upload = self.push_chunks(upload, content).await?;
                ContentBody::empty()
            }
        };
        let joint = if upload.contains('?') { '&' } else { '?' };
        self.call(Method::PUT, &format!("{upload}{joint}digest={}", blob.digest), last).await?;
        Ok(())
    }

    async fn push_chunks(
        &mut self,
        mut upload: String,
        content: &Content,
    ) -> anyhow::Result<String> {
        let mut start = 0;
        while start < content.size() {
            let end = content.size().min(start + CHUNK);
            let range = (CONTENT_RANGE, format!("{start}-{}", end - 1));
            let request =
                self.request(Method::PATCH, &upload, &[range], content.range(start, end))?;
            upload = location(&self.succeed(request).await?)?;
            start = end;
        }
        Ok(upload)
    }

    /// Pushes a manifest under `reference`.
    ///
    /// # Errors
    /// Fails if the server refuses it.
    pub async fn push_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        manifest: &Blob,
    ) -> anyhow::Result<()> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let headers = [(CONTENT_TYPE, MANIFEST.to_owned())];
        let request = self.request(Method::PUT, &path, &headers, manifest.content.sized())?;
        self.succeed(request).await?;
        Ok(())
    }

    /// Pushes an image as clients do: asks for each blob, pushes those that are absent, then the
    /// manifest.
    ///
    /// # Errors
    /// Fails if the server refuses any step.
    pub async fn push_image(
        &mut self,
        repository: &str,
        tag: &str,
        image: &Image,
    ) -> anyhow::Result<()> {
        for blob in &image.blobs {
            if !self.has(&format!("/v2/{repository}/blobs/{}", blob.digest)).await? {
                self.push_blob(repository, blob, Push::Monolithic).await?;
            }
        }
        self.push_manifest(repository, tag, &image.manifest).await
    }

    /// Whether HEAD finds something at `path`.
    ///
    /// # Errors
    /// Fails on any answer but 200 and 404.
    pub async fn has(&mut self, path: &str) -> anyhow::Result<bool> {
        let request = self.request(Method::HEAD, path, &[], ContentBody::empty())?;
        match self.send(request).await?.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status => bail!("HEAD {path} answered {status}"),
        }
    }

    /// What GET finds at `path`.
    ///
    /// # Errors
    /// Fails on any answer without success.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.call(Method::GET, path, ContentBody::empty()).await
    }

    /// The sha256 digest of what GET finds at `path`, without holding it.
    ///
    /// # Errors
    /// Fails on any answer without success.
    pub async fn digest_of(&mut self, path: &str) -> anyhow::Result<String> {
        // distribution hides an OCI manifest from who does not say that they read such.
        let accept = (ACCEPT, MANIFEST.to_owned());
        let request = self.request(Method::GET, path, &[accept], ContentBody::empty())?;
        let mut response = self.send(request).await?;
        ensure!(response.status().is_success(), "GET {path} answered {}", response.status());
        let mut hash = Sha256::new();
        while let Some(frame) = response.frame().await {
            if let Some(data) = frame?.data_ref() {
                hash.update(data);
            }
        }
        Ok(format!("sha256:{}", hex::encode(hash.finalize())))
    }

    /// Sends a request made elsewhere, but for the host, and returns its successful answer.
    ///
    /// # Errors
    /// Fails on any answer without success, and shows it.
    pub async fn succeed(&mut self, request: Request<ContentBody>) -> anyhow::Result<Answer> {
        let what = format!("{} {}", request.method(), request.uri());
        let (head, body) = self.send(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        ensure!(
            head.status.is_success(),
            "{what} answered {}: {}",
            head.status,
            String::from_utf8_lossy(&body)
        );
        Ok(Answer { headers: head.headers, body })
    }

    async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: ContentBody,
    ) -> anyhow::Result<Answer> {
        let request = self.request(method, path, &[], body)?;
        self.succeed(request).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, String)],
        body: ContentBody,
    ) -> anyhow::Result<Request<ContentBody>> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Ok(request.body(body)?)
    }

    async fn send(&mut self, request: Request<ContentBody>) -> anyhow::Result<Response<Incoming>> {
        let what = format!("{} {}", request.method(), request.uri());
        self.sender.ready().await.with_context(|| format!("before {what}"))?;
        self.sender.send_request(request).await.context(what)
    }
}

/// Where an upload goes on: path and query of the Location, which may be absolute.
fn location(answer: &Answer) -> anyhow::Result<String> {
    let location =
        answer.headers.get(LOCATION).context("the answer to an upload has no Location")?;
    let uri: Uri = location.to_str()?.parse()?;
    Ok(uri.path_and_query().context("a Location without a path")?.to_string())
}
