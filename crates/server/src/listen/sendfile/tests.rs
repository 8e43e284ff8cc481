//! What arrives over a real socket equals the file, or the connection ends; nothing in between.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;

use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::listen::Limits;
use crate::listen::tests::serving;
use crate::shutdown::Stopper;

const SIZE: u64 = 5_000_000;

/// A file without two equal pages in it.
fn file(size: u64) -> (Arc<File>, Vec<u8>) {
    let bytes: Vec<u8> = (0..size / 4 + 1)
        .flat_map(|n| (n as u32).wrapping_mul(2_654_435_761).to_le_bytes())
        .take(size as usize)
        .collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    (Arc::new(file), bytes)
}

/// Answers `/from/to` with that range of the file, `/plain` with ordinary bytes, and the rest of
/// the paths with what they are called.
async fn serve(file: Arc<File>) -> (SocketAddr, Stopper) {
    let stray = Sendfile::default();
    let (address, stopper, _) = serving(Limits::default(), move |request: Request<Incoming>| {
        let (file, stray) = (Arc::clone(&file), stray.clone());
        async move { Response::new(answer(&request, file, &stray).await) }
    })
    .await;
    (address, stopper)
}

async fn answer(
    request: &Request<Incoming>,
    file: Arc<File>,
    stray: &Sendfile,
) -> BoxBody<Bytes, Infallible> {
    let sendfile = request.extensions().get::<Sendfile>().unwrap();
    match request.uri().path() {
        "/plain" => Full::from("ordinary bytes").boxed(),
        "/copied" => {
            let copied = sendfile.body(file, 0..1000).collect().await.unwrap();
            Full::from(copied.to_bytes().to_vec()).boxed()
        }
        "/other-connection" => stray.body(file, 0..1000).boxed(),
        "/thrown-away" => {
            drop(sendfile.body(file, 0..1000).collect().await);
            Full::from("ordinary bytes").boxed()
        }
        path => {
            let mut numbers = path.split('/').filter_map(|part| part.parse().ok());
            let (from, to) = (numbers.next().unwrap(), numbers.next().unwrap());
            sendfile.body(file, from..to).boxed()
        }
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// Reads one answer with a Content-Length; an error when the connection ends before.
async fn read(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_range_arrives_as_it_is_in_the_file() {
    let (file, bytes) = file(SIZE);
    let (address, _stopper) = serve(file).await;
    let runtime = tokio::runtime::Handle::current();
    let cases = prop::collection::vec((0..=SIZE, 0..=SIZE, any::<bool>()), 1..6);
    tokio::task::spawn_blocking(move || {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) };
        proptest!(config, |(cases in cases)| {
            runtime.block_on(pipelined(address, &bytes, &cases))?;
        });
    })
    .await
    .unwrap();
}

/// Sends all requests at once on one connection, with ordinary answers between where asked for.
async fn pipelined(
    address: SocketAddr,
    bytes: &[u8],
    cases: &[(u64, u64, bool)],
) -> Result<(), TestCaseError> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut requests = String::new();
    for (a, b, plain) in cases {
        requests += &get(&format!("/{}/{}", a.min(b), a.max(b)));
        requests += &if *plain { get("/plain") } else { String::new() };
    }
    stream.write_all(requests.as_bytes()).await.unwrap();
    for (a, b, plain) in cases {
        let body = read(&mut stream).await.unwrap();
        let range = *a.min(b) as usize..*a.max(b) as usize;
        prop_assert!(body == bytes[range.clone()], "range {range:?} differs");
        if *plain {
            prop_assert_eq!(read(&mut stream).await.unwrap(), b"ordinary bytes");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_head_request_sends_no_file() {
    let (file, bytes) = file(SIZE);
    let (address, _stopper) = serve(file).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = get("/0/4000000").replace("GET", "HEAD") + &get("/10/20");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(String::from_utf8(head).unwrap().contains("content-length: 4000000"));
    assert_eq!(read(&mut stream).await.unwrap(), bytes[10..20]);
}

#[tokio::test]
async fn a_client_that_leaves_lets_go_of_the_file() {
    let (file, _) = file(SIZE);
    let held = Arc::downgrade(&file);
    let (address, stopper, served) = {
        let file = Arc::clone(&file);
        serving(Limits::default(), move |request: Request<Incoming>| {
            let file = Arc::clone(&file);
            async move { Response::new(answer(&request, file, &Sendfile::default()).await) }
        })
        .await
    };
    drop(file);
    for _ in 0..50 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(get("/0/5000000").as_bytes()).await.unwrap();
        stream.read_exact(&mut [0; 100]).await.unwrap();
    }
    stopper.advance();
    assert_eq!(served.await.unwrap(), 0);
    assert_eq!(held.strong_count(), 0);
}

#[tokio::test]
async fn a_file_that_shrank_ends_the_connection() {
    for kept in [0, 1, 4096, 3_000_000] {
        let (file, bytes) = file(SIZE);
        file.set_len(kept).unwrap();
        let (address, _stopper) = serve(file).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(get("/0/5000000").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        let body = answer
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .map_or(&[][..], |at| &answer[at + 4..]);
        assert!(body.len() as u64 <= kept, "{kept}: {} bytes came", body.len());
        assert!(body == &bytes[..body.len()], "{kept}: wrong bytes came");
    }
}

#[tokio::test]
async fn a_body_that_was_tampered_with_ends_the_connection() {
    let (file, _) = file(SIZE);
    assert!(file.read_at(&mut [0; 1], 0).is_ok());
    let (address, _stopper) = serve(file).await;
    for path in ["/copied", "/other-connection", "/thrown-away"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all((get("/plain") + &get(path)).as_bytes()).await.unwrap();
        assert_eq!(read(&mut stream).await.unwrap(), b"ordinary bytes");
        assert!(read(&mut stream).await.is_err(), "{path} was answered");
    }
}
