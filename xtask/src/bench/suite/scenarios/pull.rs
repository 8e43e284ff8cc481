//! Reading what lies there: manifests, heads, blobs and ranges.

use std::time::Instant;

use anyhow::ensure;

use super::{REPOSITORY, Seed};
use crate::bench::suite::image::{Image, MANIFEST};
use crate::bench::suite::options::Sizes;
use crate::bench::suite::reader::{Reader, Request};
use crate::bench::suite::target::Target;

const TAG: &str = "latest";
const RANGE: u64 = 1 << 20;

/// What is read. The image has 4 layers of 16 KiB, or one large layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// A manifest by tag.
    ManifestByTag,
    /// A manifest by digest.
    ManifestByDigest,
    /// HEAD of a manifest, by tag.
    ManifestHead,
    /// HEAD of a blob.
    BlobHead,
    /// A blob of 16 KiB.
    Blob16K,
    /// A blob of 256 MiB.
    BlobLarge,
    /// 1 MiB out of a blob of 256 MiB, at changing offsets.
    Range1M,
}

impl Pull {
    pub fn bytes(self, sizes: Sizes) -> Option<u64> {
        match self {
            Self::BlobLarge => Some(sizes.large),
            Self::Range1M => Some(RANGE),
            _ => None,
        }
    }

    pub async fn seed(self, target: &Target, sizes: Sizes) -> anyhow::Result<Seed> {
        let image = match self {
            Self::BlobLarge | Self::Range1M => Image::fresh(1, sizes.large),
            _ => Image::fresh(4, 16 << 10),
        };
        target.publish(REPOSITORY, TAG, &image).await?;
        verify(target, &image).await?;
        Ok(Seed { images: vec![image], names: 0 })
    }

    pub async fn work(
        self,
        target: &Target,
        seed: &Seed,
        client: usize,
        until: Instant,
    ) -> anyhow::Result<u64> {
        let mut reader = Reader::connect(target.address()).await?;
        let image = &seed.images[0];
        let mut request = self.request(target, image);
        let mut done = 0;
        loop {
            if self == Self::Range1M {
                let turn = (done as usize) * 7 + client * 31;
                request = range(target, image, turn as u64);
            }
            reader.exchange(&request).await?;
            done += 1;
            if Instant::now() >= until {
                return Ok(done);
            }
        }
    }

    fn request(self, target: &Target, image: &Image) -> Request {
        let layer = image.layer();
        match self {
            Self::ManifestByTag => manifest(target, "GET", TAG, image),
            Self::ManifestByDigest => manifest(target, "GET", &image.manifest.digest, image),
            Self::ManifestHead => manifest(target, "HEAD", TAG, image),
            Self::BlobHead => {
                target.request("HEAD", &blob_path(&layer.digest), "", 200, layer.content.size())
            }
            Self::Blob16K | Self::BlobLarge => blob(target, &layer.digest, layer.content.size()),
            Self::Range1M => range(target, image, 0),
        }
    }
}

/// GET of a whole blob.
pub fn blob(target: &Target, digest: &str, size: u64) -> Request {
    target.request("GET", &blob_path(digest), "", 200, size)
}

/// GET or HEAD of a manifest.
pub fn manifest(target: &Target, method: &str, reference: &str, image: &Image) -> Request {
    let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
    target.request(
        method,
        &path,
        &format!("Accept: {MANIFEST}\r\n"),
        200,
        image.manifest.content.size(),
    )
}

fn range(target: &Target, image: &Image, turn: u64) -> Request {
    let layer = image.layer();
    let start = turn % (layer.content.size() / RANGE) * RANGE;
    let header = format!("Range: bytes={start}-{}\r\n", start + RANGE - 1);
    target.request("GET", &blob_path(&layer.digest), &header, 206, RANGE)
}

fn blob_path(digest: &str) -> String {
    format!("/v2/{REPOSITORY}/blobs/{digest}")
}

/// What is measured must be right: the samples look at lengths only.
async fn verify(target: &Target, image: &Image) -> anyhow::Result<()> {
    let mut client = target.client().await?;
    let manifest = format!("/v2/{REPOSITORY}/manifests/{}", image.manifest.digest);
    let paths = image.blobs.iter().map(|blob| (blob_path(&blob.digest), &blob.digest));
    for (path, digest) in paths.chain([(manifest, &image.manifest.digest)]) {
        ensure!(
            client.digest_of(&path).await? == *digest,
            "{} gives wrong bytes at {path}",
            target.kind
        );
    }
    Ok(())
}
