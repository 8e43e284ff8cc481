//! `kill -9` at any moment, followed by a start on the same data: what was acknowledged is there,
//! byte for byte; what was not is there as a whole or not at all; and once the sweep has been, no
//! file is left that nobody needs. The death of the process only: a test of power loss needs a
//! disk that forgets.
//!
//! `CRASH_SEED` repeats a run's choices (the moments of the kernel stay its own), `CRASH_ROUNDS`
//! makes it longer or shorter.

mod ledger;
mod leftovers;
mod pusher;

use std::{
    env,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use wharf_e2e::{Blob, Client, Host, Server, base64, ending};

use ledger::Ledger;
use pusher::Pusher;

/// Clients that push at the same time.
const PUSHERS: u64 = 6;

/// A whole number from the environment.
fn number(variable: &str) -> Result<Option<u64>> {
    match env::var(variable) {
        Ok(text) => Ok(Some(text.parse().with_context(|| format!("{variable} is {text}"))?)),
        Err(_) => Ok(None),
    }
}

fn seed() -> Result<u64> {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    let seed = number("CRASH_SEED")?.unwrap_or(nanos);
    eprintln!("CRASH_SEED={seed}");
    Ok(seed)
}

#[test]
fn killed_at_any_moment_of_pushes() -> Result<()> {
    let (seed, rounds) = (seed()?, number("CRASH_ROUNDS")?.unwrap_or(200));
    let host = Host::start()?;
    host.inside(async || {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut server = Server::start(&host, &[]).await?;
        let mut client = Client::login(server.address).await?;
        client.create_repository(pusher::COMMON).await?;
        let mut ledger = Ledger::with_repository(pusher::COMMON);
        for round in 0..rounds {
            ledger = push_until_killed(server, &client, ledger, &mut rng).await?;
            server = start_again(&host, &mut rng).await?;
            client = client.another();
            let checked = ledger.check(&mut client, &mut rng).await;
            checked.with_context(|| format!("after kill {round} of seed {seed}"))?;
        }
        eprintln!("{}", ledger.tally);
        ledger.tally.is_telling(rounds)?;
        ledger.check_everything(&mut client).await?;
        leftovers::none_after_the_sweep(&host, server, &ledger).await
    })
}

/// A round: some pushers at work, and the end at a random moment.
async fn push_until_killed(
    server: Server,
    client: &Client,
    ledger: Ledger,
    rng: &mut StdRng,
) -> Result<Ledger> {
    let ledger = Arc::new(Mutex::new(ledger));
    let pushing: Vec<_> = (0..PUSHERS)
        .map(|id| {
            let rng = StdRng::seed_from_u64(rng.random());
            let pusher = Pusher { id, client: client.another(), rng, ledger: ledger.clone() };
            tokio::spawn(pusher.push_until_cut_off())
        })
        .collect();
    tokio::time::sleep(Duration::from_micros(rng.random_range(0..300_000))).await;
    server.kill()?;
    for pusher in pushing {
        pusher.await??;
    }
    let ledger = Arc::into_inner(ledger).context("every pusher has ended")?;
    Ok(ledger.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Starts the server on the data that is there; sometimes the start itself is killed first.
async fn start_again(host: &Host, rng: &mut StdRng) -> Result<Server> {
    if rng.random_ratio(1, 10) {
        kill_the_start(host, rng, 60).await?;
    }
    Server::start(host, &[]).await
}

async fn kill_the_start(host: &Host, rng: &mut StdRng, most: u64) -> Result<()> {
    let server = Server::spawn(host, &[])?;
    tokio::time::sleep(Duration::from_micros(rng.random_range(0..most * 1000))).await;
    server.kill()
}

/// The first start makes the keys, the folders and the tables.
#[test]
fn a_first_start_that_was_killed_is_no_hindrance() -> Result<()> {
    let mut rng = StdRng::seed_from_u64(seed()?);
    let host = Host::start()?;
    host.inside(async || {
        for round in 0..15 {
            let data = host.path(&format!("data/{round}"));
            let settings = [("WHARF_DATA", data.to_str().context("a path of ours is text")?)];
            for _ in 0..3 {
                let server = Server::spawn(&host, &settings)?;
                tokio::time::sleep(Duration::from_micros(rng.random_range(0..150_000))).await;
                server.kill()?;
            }
            let server = Server::start(&host, &settings).await?;
            let mut client = Client::login(server.address).await?;
            client.create_repository("made").await?;
            server.kill()?;
            let _server = Server::start(&host, &settings).await?;
            client.another().get("/v2/made/tags/list").await?.expect(200)?;
        }
        Ok(())
    })
}

/// A chunk that was acknowledged is never to be sent again.
#[test]
fn an_upload_goes_on_after_each_kill() -> Result<()> {
    let mut rng = StdRng::seed_from_u64(seed()?);
    let host = Host::start()?;
    host.inside(async || {
        let mut server = Server::start(&host, &[]).await?;
        let mut client = Client::login(server.address).await?;
        client.create_repository("demo").await?;
        let blob = Blob::new(rng.random(), 6 << 20);
        let (bytes, mut path) = (blob.bytes(), client.begin_upload("demo").await?);
        let mut acknowledged = 0;
        while acknowledged < bytes.len() {
            let end = (acknowledged + rng.random_range(1..900_000)).min(bytes.len());
            let range = format!("{acknowledged}-{}", end - 1);
            let headers = [("content-range", range.as_str())];
            let chunk = bytes.slice(acknowledged..end);
            let grown = client.send(Method::PATCH, &path, &headers, chunk).await?.expect(202)?;
            path = grown.header("location").to_owned();

            let next = bytes.slice(end..(end + 400_000).min(bytes.len()));
            let unfinished = tokio::spawn(send_unwatched(client.another(), path.clone(), next));
            tokio::time::sleep(Duration::from_micros(rng.random_range(0..10_000))).await;
            server.kill()?;
            unfinished.await?;
            server = Server::start(&host, &[]).await?;
            client = client.another();

            let told = client.get(&path).await?.expect(204)?.header("range").to_owned();
            let last = told.strip_prefix("0-").context("no range")?;
            acknowledged = last.parse::<usize>()? + 1;
            ensure!(acknowledged >= end, "{end} bytes were acknowledged, {told} is there");
        }
        let end = ending(&path, &blob.digest);
        client.send(Method::PUT, &end, &[], "").await?.expect(201)?;
        client.pull_blob("demo", &blob).await
    })
}

/// Sends a chunk of which nobody will learn whether it arrived.
async fn send_unwatched(mut client: Client, path: String, chunk: bytes::Bytes) {
    let _ = client.send(Method::PATCH, &path, &[], chunk).await;
}

/// The same at the door of the ECR API, where a part is never sent twice.
#[test]
fn a_layer_in_parts_goes_on_after_each_kill() -> Result<()> {
    const PART: usize = 5 << 20;
    let mut rng = StdRng::seed_from_u64(seed()?);
    let host = Host::start()?;
    host.inside(async || {
        let mut server = Server::start(&host, &[]).await?;
        let mut client = Client::login(server.address).await?;
        client.create_repository("demo").await?;
        let blob = Blob::new(rng.random(), 2 * PART + 1000);
        let begun = client.ecr("InitiateLayerUpload", json!({ "repositoryName": "demo" })).await?;
        let id = begun.expect(200)?.json()?["uploadId"].clone();
        for (n, part) in blob.bytes().chunks(PART).enumerate() {
            let (first, last) = (n * PART, n * PART + part.len() - 1);
            let input = json!({
                "repositoryName": "demo", "uploadId": id, "partFirstByte": first,
                "partLastByte": last, "layerPartBlob": base64(part),
            });
            let answer = client.ecr("UploadLayerPart", input).await?.expect(200)?;
            assert_eq!(answer.json()?["lastByteReceived"], last);
            server.kill()?;
            server = Server::start(&host, &[]).await?;
            client = client.another();
        }
        let input =
            json!({ "repositoryName": "demo", "uploadId": id, "layerDigests": [blob.digest] });
        client.ecr("CompleteLayerUpload", input).await?.expect(200)?;
        client.pull_blob("demo", &blob).await
    })
}
