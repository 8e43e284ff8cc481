//! A small registry client: `/v2/` as container clients speak it, without their second tries.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request};

use crate::http::{Body, Http, Response, whole};
use crate::image::{Image, Manifest, digest};

/// A client with its credentials.
#[derive(Clone)]
pub struct V2 {
    http: Http,
    address: SocketAddr,
    authorization: Option<String>,
    host: String,
}

impl V2 {
    /// A client; `token` is what follows `Basic `.
    #[must_use]
    pub fn new(http: Http, address: SocketAddr, token: Option<String>) -> V2 {
        let authorization = token.map(|token| format!("Basic {token}"));
        V2 { http, address, authorization, host: address.to_string() }
    }

    /// The same client, that calls the registry by another name.
    #[must_use]
    pub fn at_host(&self, host: &str) -> V2 {
        V2 { host: host.to_owned(), ..self.clone() }
    }

    /// The header that it logs in with.
    #[must_use]
    pub fn authorization(&self) -> &str {
        self.authorization.as_deref().unwrap_or("")
    }

    /// Sends a request; `path` begins with `/v2`, or is a `Location` that the server gave.
    ///
    /// # Panics
    /// When an answer lacks what all answers have, and when the connection breaks.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response {
        let told = format!("{method} {path}");
        let sent = self.try_send(method, path, headers, body).await;
        let response = sent.unwrap_or_else(|error| panic!("{told}: {error}"));
        let version = response.header("docker-distribution-api-version");
        assert_eq!(version, "registry/2.0", "{told}: {response:?}");
        response
    }

    /// Sends a request whose connection may break.
    ///
    /// # Errors
    /// What the connection broke of.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Result<Response, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("host", &self.host);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.http.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, &[], whole("")).await
    }

    pub async fn head(&self, path: &str) -> Response {
        self.send(Method::HEAD, path, &[], whole("")).await
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.send(Method::DELETE, path, &[], whole("")).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Response {
        self.send(Method::POST, path, &[], whole(body)).await
    }

    pub async fn patch(&self, path: &str, body: impl Into<Bytes>) -> Response {
        self.send(Method::PATCH, path, &[], whole(body)).await
    }

    pub async fn put(&self, path: &str, body: impl Into<Bytes>) -> Response {
        self.send(Method::PUT, path, &[], whole(body)).await
    }

    /// Begins an upload and gives its address.
    pub async fn begin(&self, repository: &str) -> String {
        let begun = self.post(&format!("/v2/{repository}/blobs/uploads/"), "").await;
        assert_eq!(begun.status, 202, "{begun:?}");
        begun.header("location").to_owned()
    }

    /// Ends an upload.
    pub async fn finish(&self, location: &str, digest: &str, rest: impl Into<Bytes>) -> Response {
        self.put(&with_digest(location, digest), rest).await
    }

    /// Pushes a blob in one request and gives its digest.
    pub async fn push_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let digest = digest(&bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let pushed = self.post(&path, bytes).await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
        digest
    }

    /// Puts a manifest under a tag or a digest, whatever comes of it.
    pub async fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Response {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let headers = [("content-type", manifest.media_type.as_str())];
        self.send(Method::PUT, &path, &headers, whole(manifest.bytes.clone())).await
    }

    /// Pushes a manifest under a tag or a digest.
    pub async fn push_manifest(&self, repository: &str, reference: &str, manifest: &Manifest) {
        let pushed = self.put_manifest(repository, reference, manifest).await;
        assert_eq!(pushed.status, 201, "{pushed:?}");
    }

    /// Pushes an image with its blobs, under its digest.
    pub async fn push(&self, repository: &str, image: &Image) {
        self.push_as(repository, &image.digest(), image).await;
    }

    /// Pushes an image with its blobs, under a tag.
    pub async fn push_as(&self, repository: &str, reference: &str, image: &Image) {
        self.push_blobs(repository, image).await;
        self.push_manifest(repository, reference, &image.manifest).await;
    }

    /// Pushes config and layers.
    pub async fn push_blobs(&self, repository: &str, image: &Image) {
        for blob in image.blobs() {
            self.push_blob(repository, blob.clone()).await;
        }
    }

    /// The manifest under a tag or a digest.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Response {
        self.get(&format!("/v2/{repository}/manifests/{reference}")).await
    }

    /// The blob with this digest.
    pub async fn blob(&self, repository: &str, digest: &str) -> Response {
        self.get(&format!("/v2/{repository}/blobs/{digest}")).await
    }

    /// Pulls an image by `reference` and compares every byte.
    pub async fn expect(&self, repository: &str, reference: &str, image: &Image) {
        let manifest = self.manifest(repository, reference).await;
        assert_eq!(manifest.status, 200, "{reference}: {}", manifest.text());
        assert_eq!(manifest.body, image.manifest.bytes, "{reference}");
        for blob in image.blobs() {
            let pulled = self.blob(repository, &digest(blob)).await;
            assert_eq!(pulled.status, 200, "{}", pulled.text());
            assert!(pulled.body == *blob, "{} differs", digest(blob));
        }
    }
}

/// The address that ends an upload; what the server put into its query stays there.
#[must_use]
pub fn with_digest(location: &str, digest: &str) -> String {
    let mark = if location.contains('?') { '&' } else { '?' };
    format!("{location}{mark}digest={digest}")
}

/// The id of an upload, out of its address.
#[must_use]
pub fn upload_id(location: &str) -> &str {
    let path = location.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

impl Response {
    /// Asserts that this is an error under `/v2/` as ECR prints it: status, code, message.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str, message: &str) {
        let expected = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
        assert_eq!((self.status, self.json()), (status, expected));
        assert_eq!(self.header("content-type"), "application/json; charset=utf-8");
        assert!(self.body.ends_with(b"}\n"), "{:?}", self.text());
    }

    /// Asserts status and code of an error under `/v2/`.
    #[track_caller]
    pub fn refuses_with(&self, status: u16, code: &str) {
        let told = self.json()["errors"][0]["code"].clone();
        assert_eq!((self.status, told), (status, code.into()), "{}", self.text());
    }
}
