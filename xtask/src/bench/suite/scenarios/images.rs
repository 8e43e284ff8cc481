//! Pushing and pulling whole images, as a registry's day goes.

use std::time::Instant;

use super::pull::{blob, manifest};
use super::{REPOSITORY, Seed};
use crate::bench::suite::client::Client;
use crate::bench::suite::image::Image;
use crate::bench::suite::reader::{Reader, Request};
use crate::bench::suite::target::Target;

const LAYERS: usize = 4;
const NEW_LAYER: u64 = 4 << 10;
const MIXED_LAYER: u64 = 1 << 20;
const MIXED_IMAGES: usize = 16;
/// One operation in so many is a push.
const MIXED_PUSH: usize = 5;

/// What an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images {
    /// An image of 4 × 4 KiB is pushed that is new in every byte: 5 HEAD, 5 POST, 5 PUT of blobs (its
    /// config is the fifth), a PUT of the manifest.
    New,
    /// An image is pushed that is there: 5 HEAD and a PUT of the manifest.
    Existing,
    /// Images of 4 × 1 MiB: four pulls (manifest by tag, 5 blobs), then the push of a new one.
    Mixed,
}

impl Images {
    pub async fn seed(self, target: &Target, clients: usize) -> anyhow::Result<Seed> {
        let (count, size) = match self {
            Self::New => (0, 0),
            Self::Existing => (clients, NEW_LAYER),
            Self::Mixed => (MIXED_IMAGES, MIXED_LAYER),
        };
        let images: Vec<_> = (0..count).map(|_| Image::fresh(LAYERS, size)).collect();
        for image in &images {
            target.publish(REPOSITORY, tag(image), image).await?;
        }
        Ok(Seed { images, names: 0 })
    }

    pub async fn work(
        self,
        target: &Target,
        seed: &Seed,
        client: usize,
        until: Instant,
    ) -> anyhow::Result<u64> {
        let replica = target.address();
        let mut pusher = target.client_at(replica).await?;
        let mut reader = Reader::connect(replica).await?;
        let pulls: Vec<_> = seed.images.iter().map(|image| pull_requests(target, image)).collect();
        let mut done = 0;
        loop {
            let turn = done as usize + client;
            match self {
                Self::New => push(&mut pusher, &Image::fresh(LAYERS, NEW_LAYER)).await?,
                Self::Existing => push(&mut pusher, &seed.images[client]).await?,
                Self::Mixed if turn.is_multiple_of(MIXED_PUSH) => {
                    push(&mut pusher, &Image::fresh(LAYERS, MIXED_LAYER)).await?;
                }
                Self::Mixed => pull(&mut reader, &pulls[turn % pulls.len()]).await?,
            }
            done += 1;
            if Instant::now() >= until {
                return Ok(done);
            }
        }
    }
}

async fn push(client: &mut Client, image: &Image) -> anyhow::Result<()> {
    client.push_image(REPOSITORY, tag(image), image).await
}

async fn pull(reader: &mut Reader, requests: &[Request]) -> anyhow::Result<()> {
    for request in requests {
        reader.exchange(request).await?;
    }
    Ok(())
}

fn pull_requests(target: &Target, image: &Image) -> Vec<Request> {
    let blobs = image.blobs.iter().map(|layer| blob(target, &layer.digest, layer.content.size()));
    std::iter::once(manifest(target, "GET", tag(image), image)).chain(blobs).collect()
}

/// A tag that no other image has: 32 digits of its digest.
fn tag(image: &Image) -> &str {
    &image.manifest.digest["sha256:".len()..][..32]
}
