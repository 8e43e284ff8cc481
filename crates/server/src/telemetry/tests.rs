//! The layer in a real server: what is logged, counted and refused.
#![allow(clippy::unwrap_used)]

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::extract::Request as AxumRequest;
use axum::routing::{any, get};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::lines::Dropped;
use super::logs::LogFormat;
use super::*;
use crate::listen::{Limits, Listen, Open};
use crate::shutdown::{self, Stopper};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Served {
    address: SocketAddr,
    stopper: Stopper,
    served: tokio::task::JoinHandle<usize>,
    lines: Lines,
    metrics: Arc<Metrics>,
}

async fn read_all(request: AxumRequest) -> Response<Body> {
    match request.into_body().collect().await {
        Ok(body) => body.to_bytes().len().to_string().into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn refused() -> Response<Body> {
    let mut response = StatusCode::NOT_FOUND.into_response();
    let principal = Principal("arn:aws:iam::000000000000:user/\"bob\"".into());
    response.extensions_mut().insert(principal);
    response.extensions_mut().insert(ErrorCode("MANIFEST_UNKNOWN".into()));
    response
}

async fn serve(floor: Floor) -> Served {
    let lines = Lines::default();
    let dropped = Dropped::default();
    let open = Open::default();
    let metrics =
        Metrics::new("1.2.3", "abc", open.clone(), dropped.clone(), Dropped::default()).unwrap();
    let metrics = Arc::new(metrics);
    let log = AccessLog::to(Box::new(lines.clone()), LogFormat::Json, dropped).unwrap();
    let router = Router::new()
        .route("/v2/a/blobs/uploads/1", any(read_all))
        .route("/v2/a/manifests/x", get(refused))
        .route("/large", get(async || vec![0_u8; 1 << 20]))
        .fallback(async || "ok");
    let trusted = Trusted::default();
    let service = Telemetry::new(router, Arc::clone(&metrics), Some(log), None, trusted, floor);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stopper, stop) = shutdown::stop();
    let limits = Limits::default();
    let tls = None;
    let listen = Listen { listener, tls, limits, open };
    let served = tokio::spawn(listen.serve(service, stop));
    Served { address, stopper, served, lines, metrics }
}

impl Served {
    async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Stops the server and waits until the log is written.
    async fn log(self) -> Vec<serde_json::Value> {
        self.stopper.advance();
        self.served.await.unwrap();
        let text = self.lines.0.lock().unwrap().clone();
        let text = String::from_utf8(text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn each_request_is_one_line_without_secrets() {
    let served = serve(Floor::default()).await;
    let answer = served
        .exchange(
            b"POST /v2/a/blobs/uploads/1?X-Amz-Signature=secret1&digest=sha256:1 HTTP/1.1\r\nHost: a\r\n\
              Authorization: Bearer secret2\r\nUser-Agent: docker/28 \"x\"\r\nContent-Length: 5\r\n\r\nhello\
              HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n\
              GET /large HTTP/1.1\r\nHost: a\r\n\r\n\
              GET /v2/a/manifests/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 4);
    assert_eq!(answer.matches("transfer-encoding").count(), 0, "every size is known");
    let page = served.metrics.page().unwrap();
    let log = served.log().await;
    assert_eq!(log.len(), 4, "{log:?}");
    assert_eq!(log[0]["in"], 5);
    assert_eq!(log[0]["agent"], "docker/28 \"x\"");
    assert_eq!(log[0]["query"], "X-Amz-Signature=***&digest=sha256:1");
    assert_eq!(log[0]["peer"], "127.0.0.1");
    assert_eq!((&log[1]["out"], &log[1]["cut"]), (&0.into(), &serde_json::Value::Null));
    assert_eq!((&log[2]["out"], &log[2]["status"]), (&(1 << 20).into(), &200.into()));
    assert_eq!(log[2]["cut"], serde_json::Value::Null);
    assert_eq!(log[3]["error"], "MANIFEST_UNKNOWN");
    assert_eq!(log[3]["principal"], "arn:aws:iam::000000000000:user/\"bob\"");
    assert!(!format!("{log:?}").contains("secret"), "{log:?}");
    assert!(log.iter().all(|line| line["id"].as_str().unwrap().parse::<Uuid>().is_ok()));
    for expected in [
        "wharf_requests_total{class=\"upload\",status=\"200\"} 1",
        "wharf_requests_total{class=\"manifest\",status=\"404\"} 1",
        "wharf_received_bytes_total{class=\"upload\"} 5",
        "wharf_sent_bytes_total{class=\"other\"} 1048576",
        "wharf_request_duration_seconds_count{class=\"other\"} 2",
        "wharf_build_info{commit=\"abc\",version=\"1.2.3\"} 1",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
    ] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_logged_as_cut() {
    let served = serve(Floor::default()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = b"POST /v2/a/blobs/uploads/1 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\
                 Content-Length: 9\r\n\r\n";
    stream.write_all(head).await.unwrap();
    // "100 Continue" says that the application reads the body.
    stream.read_exact(&mut [0; 25]).await.unwrap();
    stream.write_all(b"1").await.unwrap();
    drop(stream);
    let log = served.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    assert_ne!(log[0]["status"], 200);
}

#[tokio::test]
async fn a_body_below_the_floor_is_answered_408_and_one_above_is_taken() {
    let floor = Floor { rate: 1000, window: Duration::from_secs(1) };
    let served = serve(floor).await;
    let mut answers = Vec::new();
    for piece in [10, 1000] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let head = format!(
            "POST /v2/a/blobs/uploads/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            piece * 12
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_millis(250)).await;
            // The slow one may find the connection closed.
            let _ = stream.write_all(&vec![b'x'; piece]).await;
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answers.push(String::from_utf8(answer).unwrap());
    }
    assert!(answers[0].starts_with("HTTP/1.1 408"), "{answers:?}");
    assert!(answers[0].contains("connection: close"), "{answers:?}");
    assert!(answers[1].ends_with("12000"), "{answers:?}");
}

#[tokio::test]
async fn two_hosts_are_refused() {
    let served = serve(Floor::default()).await;
    let answer = served.exchange(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(served.log().await[0]["status"], 400);
}

#[test]
fn requests_are_classed_by_the_end_of_their_path() {
    let table = [
        ("GET", "/v2/", "Distribution"),
        ("GET", "/v2/_catalog", "Distribution"),
        ("GET", "/v2/a/b/manifests/latest", "Manifest"),
        ("GET", "/v2/manifests/blobs/sha256:1", "Blob"),
        ("GET", "/v2/blobs/manifests/tags", "Manifest"),
        ("GET", "/v2/a/tags/list", "Tags"),
        ("GET", "/v2/a/referrers/sha256:1", "Referrers"),
        ("POST", "/v2/a/blobs/uploads/", "Upload"),
        ("PATCH", "/v2/a/blobs/uploads/0190", "Upload"),
        ("POST", "/", "Api"),
        ("GET", "/", "Other"),
        ("GET", "/console/repositories", "Console"),
        ("GET", "/readyz", "Health"),
        ("GET", "/..%2f", "Other"),
    ];
    for (method, path, class) in table {
        let method = method.parse().unwrap();
        assert_eq!(format!("{:?}", Class::of(&method, path)), class, "{path}");
    }
}
