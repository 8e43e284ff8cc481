//! Clients that are slow on purpose. The server bears an upload below its floor for one minute
//! and judges the next, so the test takes two; it only waits.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use wharf_e2e::{Blob, Host, ending};

use crate::Scene;

/// Two windows of the floor, and what two busy cores may add.
const TWO_MINUTES: Duration = Duration::from_secs(120 + 20);
/// The time for a head, and the same.
const TEN_SECONDS: Duration = Duration::from_secs(10 + 10);

#[test]
fn slow_clients_are_given_up() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let mut scene = Scene::new(&host, &[("WHARF_STALL_TIMEOUT", "3s")]).await?;
        let address = scene.server.address;
        let large = Blob::new(8, 32 << 20);
        scene.client.try_push_blob("demo", &large).await?.expect(201)?;
        let (blob, authorization) = (Blob::new(9, 10_000), scene.client.authorization());
        let session = scene.client.begin_upload("demo").await?;
        let head = |line: &str, more: &str| {
            format!(
                "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\
                 Content-Length: 10000\r\n{more}\r\n"
            )
        };
        let whole = format!("POST /v2/demo/blobs/uploads/?digest={}", blob.digest);
        let heads =
            vec![head(&whole, ""), head(&format!("PATCH {session}"), ""), head("POST /", "")];
        let mut dripping: Vec<_> = heads
            .into_iter()
            .map(|head| tokio::spawn(drip(address, head, blob.bytes().to_vec(), TWO_MINUTES)))
            .collect();
        let promise = head(&whole, "Expect: 100-continue\r\n");
        dripping.push(tokio::spawn(promise_and_send_nothing(address, promise)));
        let slow_head = head(&whole, "").into_bytes();
        dripping.push(tokio::spawn(drip_head(address, slow_head)));
        let pull = format!("GET /v2/demo/blobs/{}", large.digest);
        dripping.push(tokio::spawn(take_nothing(address, head(&pull, "").replace("10000", "0"))));
        for client in dripping {
            client.await??;
        }
        // Every byte that came is kept, and the upload can go on from there.
        let told = scene.client.get(&session).await?.expect(204)?.header("range").to_owned();
        let last: usize = told.trim_start_matches("0-").parse()?;
        ensure!((50..10_000).contains(&last), "{told} was kept of the slow bytes");
        let rest = blob.bytes().slice(last + 1..);
        let path = ending(&session, &blob.digest);
        scene.client.send(http::Method::PUT, &path, &[], rest).await?.expect(201)?;
        scene.client.pull_blob("demo", &blob).await?;
        scene.end(&host).await
    })
}

/// Sends a byte a second, and expects to be told that this is too slow.
async fn drip(address: SocketAddr, head: String, body: Vec<u8>, within: Duration) -> Result<()> {
    let (mut from, mut to) = TcpStream::connect(address).await?.into_split();
    to.write_all(head.as_bytes()).await?;
    let begun = Instant::now();
    let dripping = tokio::spawn(async move {
        for byte in body {
            if to.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut answer = String::new();
    let ended = timeout(within, from.read_to_string(&mut answer)).await;
    dripping.abort();
    ensure!(ended.is_ok(), "still connected after {within:?}: {head}");
    is_too_slow(&answer, begun)
}

/// Asks whether it may send its body, and then does not.
async fn promise_and_send_nothing(address: SocketAddr, head: String) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    let begun = Instant::now();
    let mut answer = String::new();
    let ended = timeout(TWO_MINUTES, stream.read_to_string(&mut answer)).await;
    ensure!(ended.is_ok(), "still connected after {TWO_MINUTES:?}, with {answer:?}");
    let answer = answer.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&answer);
    is_too_slow(answer, begun)
}

fn is_too_slow(answer: &str, begun: Instant) -> Result<()> {
    ensure!(answer.starts_with("HTTP/1.1 408 "), "not told that it is too slow: {answer:?}");
    let borne = begun.elapsed();
    ensure!(borne > Duration::from_secs(60), "only borne for {borne:?}");
    Ok(())
}

/// Sends the head of a request a byte a second.
async fn drip_head(address: SocketAddr, head: Vec<u8>) -> Result<()> {
    let (mut from, mut to) = TcpStream::connect(address).await?.into_split();
    let dripping = tokio::spawn(async move {
        for byte in head {
            if to.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut answer = Vec::new();
    let ended = timeout(TEN_SECONDS, from.read_to_end(&mut answer)).await;
    dripping.abort();
    ensure!(ended.is_ok(), "still connected after {TEN_SECONDS:?}");
    Ok(())
}

/// Asks for a large blob and takes no byte of it: after a while nobody holds it open.
async fn take_nothing(address: SocketAddr, head: String) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(head.as_bytes()).await?;
    tokio::time::sleep(TEN_SECONDS).await;
    // What the kernel's buffers held comes at once. Had the server waited, all of it would come.
    let mut taken = Vec::new();
    let ended = timeout(TEN_SECONDS, stream.read_to_end(&mut taken)).await;
    ensure!(ended.is_ok(), "the server still waits for a reader after {TEN_SECONDS:?}");
    ensure!(taken.len() < 32 << 20, "the server waited for a reader for {TEN_SECONDS:?}");
    Ok(())
}
