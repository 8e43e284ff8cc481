//! Stopping: what runs is finished, nothing new begins, and a second signal waits for nobody.
//! Clients here are slow on purpose, so that a signal finds them in the middle.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};
use wharf_e2e::{Blob, Client, Host, Image, Server, Signal};

/// More than the kernel's buffers between client and server can hold.
const LARGE: usize = 24 << 20;
const PIECE: usize = 1 << 20;
/// A time in which a server that waits for nobody has ended, on a machine with two busy cores.
const AT_ONCE: Duration = Duration::from_secs(3);

/// A server with a large blob, and somebody in the middle of pushing another.
struct Scene {
    server: Server,
    client: Client,
    blob: Blob,
    stream: TcpStream,
}

impl Scene {
    async fn new(host: &Host, settings: &[(&str, &str)]) -> Result<Self> {
        let server = Server::start(host, settings).await?;
        let mut client = Client::login(server.address).await?;
        client.create_repository("demo").await?;
        let blob = Blob::new(1, LARGE);
        let mut stream = TcpStream::connect(server.address).await?;
        let head = format!(
            "POST /v2/demo/blobs/uploads/?digest={} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: {}\r\nContent-Length: {LARGE}\r\n\r\n",
            blob.digest,
            client.authorization()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&blob.bytes()[..LARGE / 2]).await?;
        Ok(Self { server, client, blob, stream })
    }

    /// Sends the rest, and gives what the server answers until it closes.
    async fn finish(mut self) -> Result<(Server, String)> {
        for piece in self.blob.bytes()[LARGE / 2..].chunks(PIECE) {
            self.stream.write_all(piece).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await?;
        Ok((self.server, answer))
    }
}

/// Begins to pull a blob, reads the head of the answer, and goes on when told to.
async fn pull_slowly(
    client: &Client,
    server: &Server,
    blob: &Blob,
) -> Result<JoinHandle<Result<Vec<u8>>>> {
    let mut stream = TcpStream::connect(server.address).await?;
    let (digest, authorization) = (&blob.digest, client.authorization());
    let head = format!(
        "GET /v2/demo/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut bytes = vec![0; PIECE];
    stream.read_exact(&mut bytes).await?;
    Ok(tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if (&mut stream).take(PIECE as u64).read_to_end(&mut bytes).await? == 0 {
                break;
            }
        }
        let end =
            bytes[..PIECE].windows(4).position(|four| four == b"\r\n\r\n").context("no head")?;
        Ok(bytes.split_off(end + 4))
    }))
}

/// Waits until the server listens no more.
async fn refuses_connections(server: &Server) -> Result<()> {
    let deadline = Instant::now() + AT_ONCE;
    while TcpStream::connect(server.address).await.is_ok() {
        ensure!(Instant::now() < deadline, "new connections are still taken");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[test]
fn what_runs_is_finished() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let mut scene = Scene::new(&host, &[("WHARF_SHUTDOWN_GRACE", "60s")]).await?;
        let pulled = Blob::new(2, LARGE);
        scene.client.try_push_blob("demo", &pulled).await?.expect(201)?;
        let pulling = pull_slowly(&scene.client, &scene.server, &pulled).await?;
        // Half a question, asked before the stop.
        let mut asking = TcpStream::connect(scene.server.address).await?;
        asking.write_all(b"GET /readyz HTTP/1.1\r\nHost: local").await?;
        // The server has taken all of these connections when it answers a later one.
        Client::to(scene.server.address).get("/healthz").await?.expect(200)?;

        scene.server.signal(Signal::TERM)?;
        refuses_connections(&scene.server).await?;
        asking.write_all(b"host\r\n\r\n").await?;
        let mut ready = String::new();
        asking.read_to_string(&mut ready).await?;
        ensure!(ready.starts_with("HTTP/1.1 503 ") && ready.ends_with("stopping\n"), "{ready}");
        let mut client = scene.client.another();
        let blob = scene.blob.clone();

        let (mut server, answer) = scene.finish().await?;
        ensure!(answer.starts_with("HTTP/1.1 201 "), "the push was not finished: {answer}");
        ensure!(pulling.await?? == pulled.bytes(), "other bytes were pulled");
        let status = server.ended(AT_ONCE).await?;
        ensure!(status.success(), "it ended with {status}");
        let _server = Server::start(&host, &[]).await?;
        client.pull_blob("demo", &blob).await
    })
}

/// A connection that only waits for its next request is no reason to stay.
#[test]
fn idle_connections_are_closed() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let mut server = Server::start(&host, &[]).await?;
        let mut idle = Client::to(server.address);
        idle.get("/healthz").await?.expect(200)?;
        let _silent = TcpStream::connect(server.address).await?;
        Client::to(server.address).get("/healthz").await?.expect(200)?;
        server.signal(Signal::TERM)?;
        let status = server.ended(AT_ONCE).await?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    })
}

#[test]
fn the_grace_ends() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let mut scene = Scene::new(&host, &[("WHARF_SHUTDOWN_GRACE", "2s")]).await?;
        let begun = Instant::now();
        scene.server.signal(Signal::TERM)?;
        let status = scene.server.ended(Duration::from_secs(2) + AT_ONCE).await?;
        ensure!(begun.elapsed() >= Duration::from_secs(2), "it did not wait");
        ensure!(status.code() == Some(1), "an operator is not told of the cut: {status}");
        Ok(())
    })
}

#[test]
fn a_second_signal_ends_at_once_and_loses_nothing() -> Result<()> {
    for signal in [Signal::TERM, Signal::INT] {
        let host = Host::start()?;
        host.inside(async || {
            let mut scene = Scene::new(&host, &[]).await?;
            let mut rng = StdRng::seed_from_u64(3);
            let image = Image::new(&mut rng, vec![Blob::new(4, PIECE)]);
            scene.client.push("demo", "1", &image).await?;
            scene.server.signal(signal)?;
            refuses_connections(&scene.server).await?;
            let waits = scene.server.ended(Duration::from_millis(300)).await;
            ensure!(waits.is_err(), "the first signal already ended it: {waits:?}");

            scene.server.signal(signal)?;
            let status = scene.server.ended(AT_ONCE).await?;
            ensure!(status.code() == Some(1), "an operator is not told of the cut: {status}");
            let server = Server::start(&host, &[]).await?;
            let mut client = scene.client.another();
            client.pull("demo", &image).await?;
            // What was cut off is not there, and can be pushed.
            let path = format!("/v2/demo/blobs/{}", scene.blob.digest);
            client.send(Method::HEAD, &path, &[], "").await?.expect(404)?;
            client.try_push_blob("demo", &scene.blob).await?.expect(201)?;
            server.stop().await
        })?;
    }
    Ok(())
}
