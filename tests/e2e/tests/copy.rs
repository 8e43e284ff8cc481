//! `wharf copy` as a process of its own beside a server that goes on, killed again and again; and
//! the documented procedure of a move: copy, read-only, copy, switch.

use anyhow::{Result, ensure};
use rand::{SeedableRng as _, rngs::StdRng};
use wharf_e2e::{Blob, Client, Host, Image, Server};

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
        let script = format!(
            "code=0; timeout --signal=KILL 0.{hundredths:02} \
             wharf copy --from \"$WHARF_DATA\" --to moved 2>/dev/null || code=$?; echo \"$code\""
        );
        killed += u64::from(host.sh(&script)?.text().ends_with("137"));
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

async fn push(client: &mut Client, rng: &mut StdRng, number: u64) -> Result<Image> {
    let image = Image::new(rng, vec![Blob::new(number, LAYER)]);
    client.push("demo", &format!("v{number}"), &image).await?;
    Ok(image)
}
