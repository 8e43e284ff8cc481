//! A plain HTTP client: what goes out is exactly what the test says, and what comes back is whole.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// What a request carries.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// No answer of the server may take longer.
const DEADLINE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A client with its pool of connections.
#[derive(Clone)]
pub struct Http {
    client: Client<HttpConnector, Body>,
    expects_faults: bool,
}

impl Default for Http {
    fn default() -> Http {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Http { client, expects_faults: false }
    }
}

impl Http {
    /// The same for a test that damages what is stored: the server may then be at fault.
    #[must_use]
    pub fn expecting_faults(self) -> Http {
        Http { expects_faults: true, ..self }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the connection breaks before the answer is there.
    ///
    /// # Panics
    /// When the server says that the fault is its own and none is expected, or takes more than a minute.
    pub async fn send(&self, request: Request<Body>) -> Result<Response, String> {
        let told = format!("{} {}", request.method(), request.uri());
        let exchange = async {
            let (parts, body) = self
                .client
                .request(request)
                .await
                .map_err(|error| format!("{error:?}"))?
                .into_parts();
            let body = body.collect().await.map_err(|error| format!("{error:?}"))?.to_bytes();
            Ok(Response { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        let response = tokio::time::timeout(DEADLINE, exchange).await;
        let response = response.unwrap_or_else(|_| panic!("{told}: no answer in {DEADLINE:?}"));
        if let (Ok(response), false) = (&response, self.expects_faults) {
            let fault = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
            assert_ne!(response.status, fault, "{told}: {}", response.text());
        }
        response
    }
}

impl Response {
    /// The header's text; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }
}

/// A body of known length.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that is sent piece by piece, without an announced length.
pub fn streamed(pieces: Vec<Bytes>) -> Body {
    let frames = pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// A body that goes on while the sender lives, and the sender.
#[must_use]
pub fn held() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let frames = stream::unfold(receiver, async |mut receiver| {
        let piece: Bytes = receiver.recv().await?;
        Some((Ok(Frame::data(piece)), receiver))
    });
    (sender, StreamBody::new(frames).boxed_unsync())
}

/// Sends a whole request as it is and gives all that comes back until the server closes, which the
/// request must ask for or bring about.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    speak(address, request, false).await
}

/// Sends the beginning of a request, says that no more follows, and gives all that comes back.
pub async fn break_off(address: SocketAddr, beginning: &[u8]) -> String {
    speak(address, beginning, true).await
}

async fn speak(address: SocketAddr, text: &[u8], is_all: bool) -> String {
    let exchange = async {
        let mut socket = TcpStream::connect(address).await.unwrap();
        // The server may have had enough before all is sent: then its answer is there already.
        let _ = socket.write_all(text).await;
        if is_all {
            let _ = socket.shutdown().await;
        }
        let mut answer = Vec::new();
        // A reset is an answer too.
        let _ = socket.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer = tokio::time::timeout(DEADLINE, exchange).await;
    answer.expect("the server ends the connection")
}
