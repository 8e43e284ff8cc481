//! `wharf copy` as a process of its own beside a server that goes on, killed again and again, into
//! files and into a bucket; and the documented procedure of a move: copy, read-only, copy, switch.

use std::fs;

use anyhow::{Result, ensure};
use rand::{SeedableRng as _, rngs::StdRng};
use wharf_e2e::{BUCKET, Blob, Client, Host, Image, STORE, STORE_KEY, Server};

const LAYER: usize = 16 << 20;
const IMAGES: u64 = 8;

const MOVED: &str = "home/moved";

#[test]
fn a_copy_that_is_killed_goes_on_and_a_move_loses_nothing() -> Result<()> {
    let host = Host::start()?;
    host.inside(async || copy_and_move(&host).await)
}

async fn copy_and_move(host: &Host) -> Result<()> {
    let server = Server::start(host, &[]).await?;
    let mut client = Client::login(server.address).await?;
    client.create_repository("demo").await?;
    let mut rng = StdRng::seed_from_u64(1);
    let mut images = Vec::new();
    for number in 0..IMAGES {
        images.push(push(&mut client, &mut rng, number).await?);
    }

    let mut killed = 0;
    for hundredths in [5, 10, 15, 20, 30, 40] {
        killed += u64::from(is_killed(host, "moved", hundredths)?);
        // The source does not notice.
        images.push(push(&mut client, &mut rng, 100 + hundredths).await?);
    }
    ensure!(killed > 0, "every copy came to its end before it could be killed");

    host.sh("wharf copy --from \"$WHARF_DATA\" --to moved")?;
    images.push(push(&mut client, &mut rng, 99).await?);
    server.stop().await?;
    let server = Server::start(host, &[("WHARF_READ_ONLY", "on")]).await?;
    let mut client = Client::login(server.address).await?;
    client.pull("demo", &images[0]).await?;
    let refused = client.begin_upload("demo").await;
    ensure!(refused.is_err(), "a read-only registry began an upload");
    let told = host.sh("wharf copy --from \"$WHARF_DATA\" --to moved")?;
    ensure!(told.text().contains("Copied 2 blobs"), "{told}");
    server.stop().await?;

    let moved = host.path(MOVED).display().to_string();
    let server = Server::start(host, &[("WHARF_DATA", moved.as_str())]).await?;
    let mut client = Client::login(server.address).await?;
    for image in &images {
        client.pull("demo", image).await?;
    }
    server.stop().await?;
    // From here on the two go different ways.
    host.refuses("wharf copy --from \"$WHARF_DATA\" --to moved")?;
    Ok(())
}

/// Begins a copy and kills it after so many hundredths of a second. False when it was faster.
fn is_killed(host: &Host, to: &str, hundredths: u64) -> Result<bool> {
    let (seconds, rest) = (hundredths / 100, hundredths % 100);
    let script = format!(
        "code=0; timeout --signal=KILL {seconds}.{rest:02} \
         wharf copy --from \"$WHARF_DATA\" --to {to} 2>/dev/null || code=$?; echo \"$code\""
    );
    Ok(host.sh(&script)?.text().ends_with("137"))
}

#[test]
fn a_copy_into_a_bucket_that_is_killed_goes_on() -> Result<()> {
    let mut host = Host::start()?;
    host.store()?;
    let (id, secret) = STORE_KEY;
    let credentials = host.path("store-credentials").display().to_string();
    let keys = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    fs::write(&credentials, keys)?;
    let bucket = format!(
        "data = \"{}\"\nblobs = \"s3://{BUCKET}/moved\"\nblobs_endpoint = \"http://{STORE}\"\n\
         blobs_redirect = false\nblobs_credentials_file = \"{credentials}\"\n",
        host.path(MOVED).display()
    );
    fs::write(host.path("home/bucket.toml"), bucket)?;
    host.inside(async || copy_into_bucket(&host).await)
}

/// Layers of several parts, of one object each, and of few bytes.
async fn copy_into_bucket(host: &Host) -> Result<()> {
    let server = Server::start(host, &[]).await?;
    let mut client = Client::login(server.address).await?;
    client.create_repository("demo").await?;
    let mut rng = StdRng::seed_from_u64(2);
    let mut images = Vec::new();
    for number in 0..4 {
        let sizes = [40 << 20, 8 << 20, 100_000, 1_000];
        let layers = sizes.iter().zip(0..).map(|(size, nth)| Blob::new(number * 10 + nth, *size));
        let image = Image::new(&mut rng, layers.collect());
        client.push("demo", &format!("v{number}"), &image).await?;
        images.push(image);
    }
    let mut killed = 0;
    for hundredths in [10, 20, 40, 60, 90, 120] {
        killed += u64::from(is_killed(host, "bucket.toml", hundredths)?);
    }
    ensure!(killed > 0, "every copy came to its end before it could be killed");
    host.sh("wharf copy --from \"$WHARF_DATA\" --to bucket.toml")?;
    let again = host.sh("wharf copy --from \"$WHARF_DATA\" --to bucket.toml")?;
    ensure!(again.text().contains("Copied 0 blobs"), "{again}");
    server.stop().await?;

    let (moved, config) = (host.path(MOVED), host.path("home/bucket.toml"));
    let (moved, config) = (moved.display().to_string(), config.display().to_string());
    let settings = [("WHARF_DATA", moved.as_str()), ("WHARF_CONFIG", config.as_str())];
    let server = Server::start(host, &settings).await?;
    let mut client = Client::login(server.address).await?;
    for image in &images {
        client.pull("demo", image).await?;
    }
    server.stop().await
}

async fn push(client: &mut Client, rng: &mut StdRng, number: u64) -> Result<Image> {
    let image = Image::new(rng, vec![Blob::new(number, LAYER)]);
    client.push("demo", &format!("v{number}"), &image).await?;
    Ok(image)
}
