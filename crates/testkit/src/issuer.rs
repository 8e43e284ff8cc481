//! An issuer of OpenID Connect tokens on this machine: discovery and keys over HTTPS, under an
//! authority of its own, and tokens that are really signed. A test says what it publishes.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener as StdListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The page of discovery.
pub const CONFIGURATION: &str = "/.well-known/openid-configuration";
/// The page of keys.
pub const KEYS: &str = "/keys";

/// A page: its status, the address that it leads to, and its body.
#[derive(Clone, Default)]
pub struct Page {
    pub status: u16,
    pub location: String,
    pub body: Vec<u8>,
}

/// The issuer; it answers until it is dropped.
pub struct Issuer {
    /// As tokens have it in `iss`.
    pub url: String,
    folder: TempDir,
    pages: Arc<Mutex<Pages>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Pages {
    pages: HashMap<String, Page>,
    asked: HashMap<String, usize>,
}

/// A key that signs tokens.
pub struct Key {
    pub algorithm: Algorithm,
    pub kid: String,
    key: EncodingKey,
    jwk: Jwk,
}

impl Key {
    /// A new key on an elliptic curve for ES256, or of RSA for the other algorithms.
    #[must_use]
    pub fn new(kid: &str, algorithm: Algorithm) -> Key {
        let key = match algorithm {
            Algorithm::ES256 => {
                EncodingKey::from_ec_der(&KeyPair::generate().unwrap().serialize_der())
            }
            _ => {
                let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
                // What is in PKCS #8 behind its head, which has one length for this size of key.
                EncodingKey::from_rsa_der(&pair.serialize_der()[26..])
            }
        };
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        Key { algorithm, kid: kid.to_owned(), key, jwk }
    }

    /// The public half, as a set of keys has it.
    #[must_use]
    pub fn public(&self) -> Value {
        serde_json::to_value(&self.jwk).unwrap()
    }

    /// A token with the header that this key needs.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        let header =
            json!({ "alg": format!("{:?}", self.algorithm), "kid": self.kid, "typ": "JWT" });
        self.token_with(&header, claims)
    }

    /// A token with this header, signed by this key.
    #[must_use]
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

/// Header and claims of a token as they are signed.
#[must_use]
pub fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

impl Issuer {
    /// Starts one on a port of its own that publishes these keys.
    pub async fn start(keys: &[&Key]) -> Issuer {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        let acceptor = acceptor(&folder);
        let pages: Arc<Mutex<Pages>> = Arc::default();
        let task = tokio::spawn(serve(listener, acceptor, pages.clone()));
        let issuer = Issuer { url, folder, pages, task };
        issuer.publish(keys);
        let configuration = json!({
            "issuer": issuer.url, "jwks_uri": format!("{}{KEYS}", issuer.url),
        });
        issuer.page(CONFIGURATION, &configuration);
        issuer
    }

    /// The certificate of its authority, for `outbound_ca_file`.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Publishes these keys in the place of those before.
    pub fn publish(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        self.page(KEYS, &json!({ "keys": keys }));
    }

    /// Shows this at a path.
    pub fn page(&self, path: &str, body: &Value) {
        let body = body.to_string().into_bytes();
        self.show(path, Page { status: 200, body, ..Page::default() });
    }

    /// Shows this at a path, whatever it is.
    pub fn show(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().pages.insert(path.to_owned(), page);
    }

    /// How often a path was asked for.
    #[must_use]
    pub fn asked(&self, path: &str) -> usize {
        self.pages.lock().unwrap().asked.get(path).copied().unwrap_or_default()
    }

    /// Claims that are good at `now`, in milliseconds since 1970, for an hour.
    #[must_use]
    pub fn claims(&self, now: i64) -> Value {
        let now = now / 1000;
        json!({
            "iss": self.url, "sub": "repo:acme/app:ref:refs/heads/main", "aud": "sts.amazonaws.com",
            "iat": now, "nbf": now, "exp": now + 3600,
        })
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// TLS for localhost, under an authority whose certificate goes into the folder.
fn acceptor(folder: &TempDir) -> TlsAcceptor {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    std::fs::write(folder.path().join("ca.pem"), authority).unwrap();
    let authority = rcgen::Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap().der().clone();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: StdListener, acceptor: TlsAcceptor, pages: Arc<Mutex<Pages>>) {
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, pages) = (acceptor.clone(), pages.clone());
        tokio::spawn(async move {
            let Ok(socket) = acceptor.accept(socket).await else { return };
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let page = pages.lock().unwrap().answer(request.uri().path());
                async move { Ok::<_, io::Error>(page) }
            });
            // Who hangs up has seen enough.
            let _ended = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

impl Pages {
    fn answer(&mut self, path: &str) -> Response<Full<Bytes>> {
        *self.asked.entry(path.to_owned()).or_default() += 1;
        let absent = Page { status: 404, ..Page::default() };
        let page = self.pages.get(path).cloned().unwrap_or(absent);
        let mut answer = Response::builder().status(page.status);
        if !page.location.is_empty() {
            answer = answer.header("location", page.location);
        }
        answer.body(Full::new(page.body.into())).unwrap()
    }
}
