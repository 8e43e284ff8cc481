//! Requests that two readers may understand differently, and ones that are larger than anything:
//! refused, and the connection closed behind the one answer, so that nothing can hide behind it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use wharf_e2e::{Blob, Client, Host, Server};

/// What would be answered with `ok` if it were taken for a request of its own.
const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Sends bytes; gives all that comes until the server closes.
async fn all(address: SocketAddr, bytes: &[u8]) -> Result<String> {
    let (mut from, mut to) = TcpStream::connect(address).await?.into_split();
    let bytes = bytes.to_vec();
    // The server may close before it has read all.
    let sending = tokio::spawn(async move {
        let _ = to.write_all(&bytes).await;
        to
    });
    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(10), from.read_to_end(&mut answer)).await;
    sending.abort();
    let text = String::from_utf8_lossy(&answer).into_owned();
    ended.with_context(|| format!("the connection stays open behind {text:?}"))??;
    Ok(text)
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /v2/ HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}{HIDDEN}")
}

/// Name and bytes of requests that are refused.
fn ambiguous() -> Vec<(&'static str, String)> {
    let get = |head: &str| format!("{head}\r\n\r\n{HIDDEN}");
    vec![
        ("two lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab")),
        ("a list of lengths", post("Content-Length: 1, 2\r\n", "ab")),
        ("a length with a sign", post("Content-Length: +2\r\n", "ab")),
        ("a negative length", post("Content-Length: -2\r\n", "ab")),
        ("a length beyond 64 bits", post("Content-Length: 18446744073709551617\r\n", "a")),
        ("an unknown coding", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
        ("chunked, but not last", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")),
        ("a blank before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")),
        ("a folded header", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")),
        ("a nameless header", post(": chunked\r\n", "")),
        ("a coding in HTTP/1.0", {
            let head = "POST /v2/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
            format!("{head}{HIDDEN}")
        }),
        ("two hosts", get("GET /v2/ HTTP/1.1\r\nHost: localhost\r\nHost: elsewhere")),
        ("the same host twice", get("GET /v2/ HTTP/1.1\r\nHost: localhost\r\nHost: localhost")),
        ("no host", get("GET /v2/ HTTP/1.1\r\nAccept: */*")),
        ("a NUL in a header", get("GET /v2/ HTTP/1.1\r\nHost: localhost\r\nAccept: a\0b")),
        ("a bare CR in a header", get("GET /v2/ HTTP/1.1\r\nHost: localhost\r\nAccept: a\rb")),
        ("blanks in the path", get("GET /v2/ /healthz HTTP/1.1\r\nHost: localhost")),
        ("a later version", get("GET /v2/ HTTP/3.7\r\nHost: localhost")),
    ]
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let server = Server::start(&host, &[]).await?;
        let mut failures = Vec::new();
        for (name, request) in ambiguous() {
            match all(server.address, request.as_bytes()).await {
                Ok(answer) => {
                    let refused = answer.starts_with("HTTP/1.1 400 ")
                        || answer.starts_with("HTTP/1.0 400 ")
                        || answer.starts_with("HTTP/1.1 505 ");
                    let answers = answer.matches("HTTP/1.").count();
                    if !refused || answers != 1 {
                        failures.push(format!("{name}: {answers} answers: {answer:?}"));
                    }
                }
                Err(error) => failures.push(format!("{name}: {error:#}")),
            }
        }
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        server.stop().await
    })
}

/// RFC 9112, section 6.1, leaves two ways with a request that has both a length and a coding: to
/// refuse it, or to follow the coding. Either way the connection must be closed behind the answer.
#[test]
fn nothing_follows_a_request_with_a_length_and_a_coding() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let server = Server::start(&host, &[]).await?;
        let headers = ["Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n"];
        for (first, second) in [(0, 1), (1, 0)] {
            let request = post(&format!("{}{}", headers[first], headers[second]), "0\r\n\r\n");
            let answer = all(server.address, request.as_bytes()).await?;
            ensure!(answer.starts_with("HTTP/1.1 4"), "{answer}");
            ensure!(answer.matches("HTTP/1.").count() == 1, "{answer}");
        }
        server.stop().await
    })
}

#[test]
fn what_is_too_large_is_refused() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let server = Server::start(&host, &[]).await?;
        let mut client = Client::login(server.address).await?;
        client.create_repository("demo").await?;
        let blob = Blob::new(1, 5000);
        client.try_push_blob("demo", &blob).await?.expect(201)?;
        let request = |path: &str, header: &str| {
            format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
                 Connection: close\r\n{header}\r\n\r\n",
                client.authorization()
            )
        };
        let path = format!("/v2/demo/blobs/{}", blob.digest);
        let ranges = |count: usize| format!("Range: bytes={}", vec!["0-0"; count].join(","));
        let many: String = (0..2000).map(|n| format!("X-{n}: a\r\n")).collect();
        for (name, wanted, request) in [
            ("a million ranges", "431", request(&path, &ranges(1_000_000))),
            ("a header of 1 MiB", "431", request(&path, &format!("X: {}", "x".repeat(1 << 20)))),
            ("two thousand headers", "431", request(&path, many.trim_end())),
            ("a path of 1 MiB", "431", request(&format!("/{}", "x".repeat(1 << 20)), "X: x")),
            ("5,000 ranges, as a whole", "200", request(&path, &ranges(5000))),
        ] {
            let answer = all(server.address, request.as_bytes()).await.context(name)?;
            let status = answer.get(9..12).unwrap_or_default();
            // A line that is too long has a status of its own.
            let right = status == wanted || (name.contains("path") && status == "414");
            ensure!(right, "{name}: {answer:.300}");
            ensure!(answer.matches("HTTP/1.1 ").count() == 1, "{name}: {answer:.300}");
        }
        ensure!(server.peak_memory()? < crate::MEMORY);
        server.stop().await
    })
}

/// An old client is served, and knows the end of the answer by the end of the connection.
#[test]
fn http_1_0() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let server = Server::start(&host, &[]).await?;
        for head in ["GET /healthz HTTP/1.0", "GET /healthz HTTP/1.0\r\nHost: localhost"] {
            let answer = all(server.address, format!("{head}\r\n\r\n").as_bytes()).await?;
            ensure!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
            ensure!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
        }
        server.stop().await
    })
}
