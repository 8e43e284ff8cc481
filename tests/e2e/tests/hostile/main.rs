//! Clients that mean no good, or are just broken: slow ones, ones that hang up, ones that send
//! rubbish or what a proxy before us may read differently. They get a clear refusal and hold
//! nothing, and nobody else notices.

mod garbage;
mod slow;
mod wire;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};
use wharf_e2e::{Blob, Client, Host, Image, Server};

/// The most resident memory, in KiB: three times what a busy server needs.
const MEMORY: u64 = 200 * 1024;

/// A server with a good image, and a client that keeps pulling it.
pub struct Scene {
    pub server: Server,
    pub client: Client,
    pub image: Image,
    stop: Arc<AtomicBool>,
    pulling: JoinHandle<Result<usize>>,
}

impl Scene {
    pub async fn new(host: &Host, settings: &[(&str, &str)]) -> Result<Self> {
        let server = Server::start(host, settings).await?;
        let mut client = Client::login(server.address).await?;
        client.create_repository("demo").await?;
        let layers = vec![Blob::new(1, 4 << 20), Blob::new(2, 5000)];
        let image = Image::new(&mut StdRng::seed_from_u64(3), layers);
        client.push("demo", "good", &image).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let pulling = tokio::spawn(keep_pulling(client.another(), image.clone(), stop.clone()));
        Ok(Self { server, client, image, stop, pulling })
    }

    /// Fails when a pull failed meanwhile, or the server shows damage.
    pub async fn end(self, host: &Host) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let pulls = self.pulling.await?.context("a good pull failed")?;
        ensure!(pulls >= 10, "only {pulls} good pulls in all that time");
        let peak = self.server.peak_memory()?;
        ensure!(peak < MEMORY, "{peak} KiB of memory");
        let log = fs::read_to_string(host.path("wharf.log"))?;
        ensure!(!log.contains("panicked at"), "a panic is in the log");
        self.server.stop().await
    }
}

async fn keep_pulling(mut client: Client, image: Image, stop: Arc<AtomicBool>) -> Result<usize> {
    let mut pulls = 0;
    while !stop.load(Ordering::Relaxed) {
        client.pull("demo", &image).await?;
        pulls += 1;
        // So that the others have their turn on two cores.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(pulls)
}

/// Waits until no connection is open but the one that asks.
pub async fn until_alone(client: &mut Client, within: Duration) -> Result<()> {
    let deadline = Instant::now() + within;
    loop {
        let page = client.get("/metrics").await?.expect(200)?;
        let page = String::from_utf8_lossy(&page.body).into_owned();
        if page.lines().any(|line| line == "wharf_connections 1") {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "connections stay open: {page}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn ten_thousand_garbage_requests() -> Result<()> {
    const CLIENTS: u64 = 40;
    let host = Host::start()?;
    host.inside(async || {
        let scene = Scene::new(&host, &[]).await?;
        let attacks: Vec<_> = (0..CLIENTS)
            .map(|seed| {
                let client = scene.client.another();
                let digest = scene.image.blobs[1].digest.clone();
                tokio::spawn(garbage::send(client, scene.server.address, digest, seed, 250))
            })
            .collect();
        let mut answered = 0;
        for attack in attacks {
            answered += attack.await??;
        }
        ensure!(answered > 8000, "only {answered} of 10000 were answered");
        scene.end(&host).await
    })
}

#[test]
fn clients_that_hang_up_leave_nothing_open() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || {
        let server = Server::start(&host, &[]).await?;
        let mut client = Client::login(server.address).await?;
        client.create_repository("demo").await?;
        let blob = Blob::new(1, 4 << 20);
        client.try_push_blob("demo", &blob).await?.expect(201)?;
        // What the server keeps open for later is open after these.
        hang_up(&client, &server, &blob, 60).await?;
        until_alone(&mut client, Duration::from_secs(15)).await?;
        let before = server.open_files()?;
        hang_up(&client, &server, &blob, 500).await?;
        until_alone(&mut client, Duration::from_secs(15)).await?;
        let after = server.open_files()?;
        ensure!(after <= before, "{before} files were open, now {after}");
        ensure!(server.peak_memory()? < MEMORY);
        client.pull_blob("demo", &blob).await?;
        server.stop().await?;

        // What was cut off can be continued for a while; then it goes.
        let server = Server::start(&host, &[("WHARF_BLOB_GRACE", "0s")]).await?;
        let deadline = Instant::now() + Duration::from_secs(15);
        while fs::read_dir(host.path("data/uploads"))?.count() > 0 {
            ensure!(Instant::now() < deadline, "uploads are left");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server.stop().await
    })
}

/// Pulls and pushes that are broken off at random places, sixteen at a time.
async fn hang_up(client: &Client, server: &Server, blob: &Blob, times: u64) -> Result<()> {
    let address = server.address;
    let running: Vec<_> = (0..16)
        .map(|lane| {
            let (mut client, blob) = (client.another(), blob.clone());
            tokio::spawn(async move {
                let mut rng = StdRng::seed_from_u64(lane);
                for n in (lane..times).step_by(16) {
                    let stream = TcpStream::connect(address).await?;
                    if rng.random() {
                        // Closing then resets the connection.
                        stream.set_zero_linger()?;
                    }
                    match n % 3 {
                        0 => break_off_pull(stream, &client, &blob, &mut rng).await?,
                        1 => break_off_push(stream, &client, "POST", None, &mut rng).await?,
                        _ => {
                            let path = client.begin_upload("demo").await?;
                            break_off_push(stream, &client, "PATCH", Some(path), &mut rng).await?;
                        }
                    }
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for lane in running {
        lane.await??;
    }
    Ok(())
}

async fn break_off_pull(
    mut stream: TcpStream,
    client: &Client,
    blob: &Blob,
    rng: &mut StdRng,
) -> Result<()> {
    let (digest, authorization) = (&blob.digest, client.authorization());
    let head = format!(
        "GET /v2/demo/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut some = vec![0; rng.random_range(1..100_000)];
    stream.read_exact(&mut some).await?;
    Ok(())
}

async fn break_off_push(
    mut stream: TcpStream,
    client: &Client,
    method: &str,
    path: Option<String>,
    rng: &mut StdRng,
) -> Result<()> {
    let whole = || {
        let digest = Blob::new(rng.random(), 1).digest;
        format!("/v2/demo/blobs/uploads/?digest={digest}")
    };
    let path = path.unwrap_or_else(whole);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Length: 1000000\r\n\r\n",
        client.authorization()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&vec![7; rng.random_range(0..900_000)]).await?;
    Ok(())
}
