//! Rubbish in every place where a request can hold some. All of it is made from a seed.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use wharf_e2e::Client;

/// How long to wait for an answer to what may be half a request.
const PATIENCE: Duration = Duration::from_millis(300);

/// Paths that lead nowhere, whoever asks.
const PATHS: [&str; 24] = [
    "/v2/../demo/manifests/good",
    "/v2/demo/../demo/manifests/good",
    "/v2/demo/./manifests/good",
    "/v2//demo/manifests/good",
    "/v2/demo//manifests/good",
    "/v2/%2e%2e/demo/manifests/good",
    "/v2/demo%2fmanifests/good",
    "/v2/demo%00/manifests/good",
    "/v2/demo/manifests/%00",
    "/v2/demo/manifests/..%2f..%2fetc%2fpasswd",
    "/v2/demo/blobs/sha256:../../../../etc/passwd",
    "/v2/demo/blobs/../../wharf.db",
    "/v2/demo/blobs/sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "/v2/demo/blobs/md5:d41d8cd98f00b204e9800998ecf8427e",
    "/v2/demo/blobs/uploads/../../../../etc/passwd",
    "/v2/demo/blobs/uploads/00000000-0000-0000-0000-000000000000",
    "/v2/DEMO/manifests/good",
    "/v2/demo\\manifests\\good",
    "/v2/demo/manifests/-bad",
    "/v2/d/tags/list",
    "/v2/demo/tags/list?n=-1",
    "/v2/_catalog?n=ten",
    "/../../../../etc/passwd",
    "/console/../v2/",
];

/// Sends so many garbage requests, and gives the number of those that were answered. Fails when
/// one was taken for good, or made the server fail.
pub async fn send(
    mut client: Client,
    address: SocketAddr,
    digest: String,
    seed: u64,
    times: usize,
) -> Result<usize> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut answered = 0;
    for n in 0..times {
        let kind = rng.random_range(0..9);
        let status = match kind {
            0 => raw(address, &bytes(&mut rng, 2000)).await,
            1 => raw(address, &flipped(&mut rng, &client)).await,
            2 => raw(address, &tricky_path(&mut rng, &client)).await,
            3 => raw(address, &broken_authorization(&mut rng)).await,
            4 => raw(address, &broken_body(&mut rng, &client)).await,
            _ => {
                let answered = well_formed(kind, &mut client, &mut rng, &digest).await;
                Some(answered.with_context(|| format!("request {n} of seed {seed}, kind {kind}"))?)
            }
        };
        // A request with one bit changed may still be a good one, and a bad range may be ignored.
        let harmless = matches!(kind, 1 | 7) && matches!(status, Some(200 | 206));
        let refused = status.is_none_or(|status| (400..500).contains(&status));
        ensure!(refused || harmless, "{status:?} for request {n} of seed {seed}, kind {kind}");
        answered += usize::from(status.is_some());
    }
    Ok(answered)
}

/// Good HTTP and a good token, but rubbish in a body or a header: always answered.
async fn well_formed(
    kind: u32,
    client: &mut Client,
    rng: &mut StdRng,
    digest: &str,
) -> Result<u16> {
    let answer = match kind {
        5 => client.ecr_with("DescribeImages", broken_json(rng)).await?,
        6 => {
            let headers = [("content-type", wharf_e2e::MANIFEST)];
            let path = "/v2/demo/manifests/rubbish";
            client.send(Method::PUT, path, &headers, broken_json(rng)).await?
        }
        7 => {
            let range = format!("bytes={}", text(rng, 40));
            let path = format!("/v2/demo/blobs/{digest}");
            client.send(Method::GET, &path, &[("range", &range)], "").await?
        }
        _ => {
            let path = client.begin_upload("demo").await?;
            let headers = [("content-range", &*text(rng, 20))];
            let answer = client.send(Method::PATCH, &path, &headers, "abc").await?;
            client.send(Method::DELETE, &path, &[], "").await?;
            answer
        }
    };
    Ok(answer.status)
}

/// Sends bytes; gives the status of the answer, if there is one.
async fn raw(address: SocketAddr, bytes: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    // The server may close before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut head = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut head)).await.ok()?.ok()?;
    let text = std::str::from_utf8(&head).ok()?;
    text.strip_prefix("HTTP/1.1 ").or(text.strip_prefix("HTTP/1.0 "))?.parse().ok()
}

fn bytes(rng: &mut StdRng, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(1..most)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Printable text.
fn text(rng: &mut StdRng, most: usize) -> String {
    (0..rng.random_range(1..most)).map(|_| char::from(rng.random_range(b' '..=b'~'))).collect()
}

fn flipped(rng: &mut StdRng, client: &Client) -> Vec<u8> {
    let mut request = format!(
        "GET /v2/demo/manifests/good HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nAccept: */*\r\n\r\n",
        client.authorization()
    )
    .into_bytes();
    for _ in 0..rng.random_range(1..4) {
        let place = rng.random_range(0..request.len());
        request[place] ^= 1 << rng.random_range(0..8);
    }
    request
}

fn tricky_path(rng: &mut StdRng, client: &Client) -> Vec<u8> {
    let method = ["GET", "HEAD", "PUT", "DELETE", "PATCH", "BREW"][rng.random_range(0..6)];
    let path = match rng.random_range(0..8) {
        0 => format!("/v2/{}/manifests/good", "a".repeat(rng.random_range(257..5000))),
        1 => format!("/v2/{}manifests/good", "a/".repeat(rng.random_range(200..2000))),
        2 => format!("/v2/demo/manifests/{}", "t".repeat(rng.random_range(129..5000))),
        _ => PATHS[rng.random_range(0..PATHS.len())].to_owned(),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Length: 0\r\n\r\n",
        client.authorization()
    )
    .into_bytes()
}

fn broken_authorization(rng: &mut StdRng) -> Vec<u8> {
    let value = match rng.random_range(0..5) {
        0 => format!("Basic {}", text(rng, 3000)),
        1 => format!("Basic {}", wharf_e2e::base64(&bytes(rng, 6000))),
        2 => format!("Bearer {}", text(rng, 3000)),
        3 => format!("AWS4-HMAC-SHA256 Credential={}, Signature={}", text(rng, 90), text(rng, 90)),
        _ => text(rng, 100),
    };
    let (line, target) = match rng.random() {
        true => ("GET /v2/demo/manifests/good", ""),
        false => (
            "POST /",
            "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.DescribeRepositories\r\n",
        ),
    };
    format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\n{target}Authorization: {value}\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    .into_bytes()
}

/// A push whose body breaks the rules of its transfer coding.
fn broken_body(rng: &mut StdRng, client: &Client) -> Vec<u8> {
    let body = match rng.random_range(0..5) {
        0 => "zz\r\nabc\r\n0\r\n\r\n".to_owned(),
        1 => "ffffffffffffffffff\r\nabc".to_owned(),
        2 => "-5\r\nabcde\r\n0\r\n\r\n".to_owned(),
        3 => format!("3;{}\r\nabc\r\n0\r\n\r\n", "e".repeat(100_000)),
        _ => "3\r\nabcde\r\n0\r\n\r\n".to_owned(),
    };
    format!(
        "PUT /v2/demo/manifests/rubbish HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\n{body}",
        client.authorization()
    )
    .into_bytes()
}

fn broken_json(rng: &mut StdRng) -> Vec<u8> {
    let good = br#"{"schemaVersion":2,"repositoryName":"demo","config":{},"layers":[{"size":1}]}"#;
    match rng.random_range(0..6) {
        0 => bytes(rng, 3000),
        1 => good[..rng.random_range(0..good.len())].to_vec(),
        2 => b"[".repeat(rng.random_range(1000..60_000)),
        3 => b"{\"a\":".repeat(rng.random_range(1000..60_000)),
        4 => {
            br#"{"repositoryName":"demo","repositoryName":"other","schemaVersion":1e999}"#.to_vec()
        }
        _ => format!("{{\"repositoryName\":\"{}\"}}", "a".repeat(100_000)).into_bytes(),
    }
}
