//! Images put into one repository by the ECR API alone: their layers are there, and each has a
//! manifest and a tag of its own.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tokio::task::JoinSet;

use crate::bench::suite::client::Push;
use crate::bench::suite::image::{Image, MANIFEST};
use crate::bench::suite::sample::Sample;
use crate::bench::suite::scenarios::REPOSITORY;
use crate::bench::suite::target::Target;

/// Clients that put images at the same time.
pub const CLIENTS: usize = 16;

const PARTS: usize = 10;
const LAYERS: usize = 4;
const LAYER: u64 = 4 << 10;

/// Puts `count` images into the repository and gives a sample of each tenth.
///
/// # Errors
/// Fails at the first one that is refused.
pub async fn put_images(target: &Arc<Target>, count: usize) -> anyhow::Result<Vec<Sample>> {
    let image = Arc::new(Image::fresh(LAYERS, LAYER));
    let mut client = target.client().await?;
    for blob in &image.blobs {
        client.push_blob(REPOSITORY, blob, Push::Monolithic).await?;
    }
    let mut samples = Vec::with_capacity(PARTS);
    for part in 0..PARTS {
        let (start, end) = (count * part / PARTS, count * (part + 1) / PARTS);
        samples.push(put_part(target, &image, start, end).await?);
    }
    Ok(samples)
}

/// Puts the images numbered from `start` up to, not including, `end`.
async fn put_part(
    target: &Arc<Target>,
    image: &Arc<Image>,
    start: usize,
    end: usize,
) -> anyhow::Result<Sample> {
    let (begin, before) = (Instant::now(), target.process.cpu()?);
    let mut clients = JoinSet::new();
    for first in start..end.min(start + CLIENTS) {
        let (target, image) = (Arc::clone(target), Arc::clone(image));
        clients.spawn(async move {
            let mut client = target.client().await?;
            for number in (first..end).step_by(CLIENTS) {
                let input = json!({
                    "repositoryName": REPOSITORY,
                    "imageManifest": image.revision(number),
                    "imageManifestMediaType": MANIFEST,
                    "imageTag": format!("v{number:06}"),
                });
                target.call(&mut client, "PutImage", &input).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    Ok(Sample {
        operations: (end - start) as u64,
        cpu: target.process.cpu()?.saturating_sub(before),
        wall: begin.elapsed(),
    })
}
