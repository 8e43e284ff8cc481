//! The limits and the graceful end, over real sockets. The files that `sendfile.rs` sends have
//! their own tests.
#![allow(clippy::unwrap_used)]

use std::future::Future;

use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::service_fn;

use super::*;
use crate::shutdown::{self, Stopper};

/// Serves `answer` on a free port; returns its address, what stops it and what it returned.
pub async fn serving<A, F, B>(
    limits: Limits,
    answer: A,
) -> (SocketAddr, Stopper, tokio::task::JoinHandle<usize>)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stopper, stop) = shutdown::stop();
    let listen = Listen { listener, tls: None, limits, open: Open::default() };
    let service = service_fn(move |request| {
        let response = answer(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    (address, stopper, tokio::spawn(listen.serve(service, stop)))
}

async fn hello(_: Request<Incoming>) -> Response<Full<Bytes>> {
    Response::new(Full::from("hello"))
}

/// Sends `request` and returns everything that comes back until the server closes.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn bad_heads_are_answered_and_closed() {
    let (address, _stopper, _) = serving(Limits::default(), hello).await;
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(33 << 10));
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice();
    let table: [(&str, &[u8], &str); 4] = [
        ("a TLS hello on the plain port", hello, "HTTP/1.1 400"),
        ("garbage", b"\r\n\r\nnot http at all\r\n\r\n", "HTTP/1.1 400"),
        ("a head of 33 KiB", long.as_bytes(), "HTTP/1.1 431"),
        (
            "a transfer coding that is not chunked",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 400",
        ),
    ];
    for (what, request, expected) in table {
        let answer = exchange(address, request).await;
        assert!(answer.starts_with(expected), "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn two_framings_of_one_body_end_the_connection() {
    let (address, _stopper, _) = serving(Limits::default(), async |request: Request<Incoming>| {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(Full::from(body))
    })
    .await;
    let answer = exchange(
        address,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
          1\r\nx\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    .await;
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer:?}");
}

#[tokio::test]
async fn a_slow_head_and_an_idle_connection_have_their_own_deadlines() {
    let limits = Limits {
        head_time: Duration::from_millis(200),
        idle: Duration::from_millis(1_000),
        ..Limits::default()
    };
    let (address, _stopper, _) = serving(limits, hello).await;
    let start = std::time::Instant::now();
    let slow = tokio::spawn(async move {
        let answer = exchange(address, b"GET / HTTP/1.1\r\nHost:").await;
        (answer, start.elapsed())
    });
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    idle.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    let waited = start.elapsed();
    assert!(waited >= Duration::from_millis(900), "idle closed after {waited:?}");
    let (answer, waited) = slow.await.unwrap();
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer:?}");
    assert!(waited >= Duration::from_millis(190), "{waited:?}");
    assert!(waited < Duration::from_millis(900), "{waited:?}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up_and_one_that_takes_a_little_is_not() {
    let limits = Limits { stall: Duration::from_millis(400), ..Limits::default() };
    let size = 64 << 20;
    let (address, _stopper, _) =
        serving(limits, move |_| async move { Response::new(Full::from(vec![7_u8; size])) }).await;
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut deaf = TcpStream::connect(address).await.unwrap();
    deaf.write_all(request).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(request).await.unwrap();
    let mut piece = vec![0; 1 << 20];
    let mut taken = 0;
    for _ in 0..15 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        taken += slow.read(&mut piece).await.unwrap();
    }
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    assert!(taken + rest.len() > size, "the slow client lost its answer");
    let mut rest = Vec::new();
    let ended = deaf.read_to_end(&mut rest).await;
    assert!(ended.is_err() || rest.len() < size, "the deaf client got everything");
}

#[tokio::test]
async fn an_early_answer_arrives_although_the_client_still_sends() {
    let (address, _stopper, _) = serving(Limits::default(), async |_| {
        let mut response = Response::new(Full::<Bytes>::from("no"));
        *response.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
        response
    })
    .await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    for _ in 0..4 {
        stream.write_all(&vec![0; 1_000_000]).await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413"), "{answer:?}");
}

#[tokio::test]
async fn a_stop_finishes_what_runs_and_a_second_one_does_not_wait() {
    for (calls, finished) in [(1, true), (2, false)] {
        let gate = Arc::new(Semaphore::new(0));
        let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
        let inner = Arc::clone(&gate);
        let (address, stopper, served) = serving(Limits::default(), move |_| {
            let (gate, begun) = (Arc::clone(&inner), begun.clone());
            async move {
                begun.send(()).unwrap();
                drop(gate.acquire().await.unwrap());
                Response::new(Full::<Bytes>::from("done"))
            }
        })
        .await;
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let client = tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request).await.unwrap();
            let mut answer = Vec::new();
            drop(stream.read_to_end(&mut answer).await);
            answer
        });
        has_begun.recv().await.unwrap();
        (0..calls).for_each(|_| stopper.advance());
        if finished {
            while TcpStream::connect(address).await.is_ok() {}
            gate.add_permits(1);
        }
        assert_eq!(served.await.unwrap(), usize::from(!finished));
        assert_eq!(client.await.unwrap().ends_with(b"done"), finished);
    }
}

#[tokio::test]
async fn connections_above_the_limit_wait_for_a_place() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let (address, _stopper, _) = serving(limits, hello).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    first.read_exact(&mut [0; 8]).await.unwrap();
    let second = tokio::spawn(async move {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        exchange(address, request).await
    });
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(first);
    assert!(second.await.unwrap().starts_with("HTTP/1.1 200"));
}
