//! What the fault tests push: blobs whose bytes follow from a seed, so that thousands of them can
//! be remembered and compared, and manifests over them.

use bytes::Bytes;
use rand::{
    Rng as _, RngExt as _, SeedableRng as _,
    rngs::{SmallRng, StdRng},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A blob.
#[derive(Clone, Debug)]
pub struct Blob {
    seed: u64,
    /// In bytes.
    pub size: usize,
    /// `sha256:…`.
    pub digest: String,
}

impl Blob {
    /// The blob of this seed and size.
    pub fn new(seed: u64, size: usize) -> Self {
        let mut blob = Self { seed, size, digest: String::new() };
        blob.digest = digest(&blob.bytes());
        blob
    }

    /// All its bytes.
    pub fn bytes(&self) -> Bytes {
        let mut bytes = vec![0; self.size];
        SmallRng::seed_from_u64(self.seed).fill_bytes(&mut bytes);
        bytes.into()
    }
}

/// An image, which is a manifest and the blobs that it names: a config and layers.
#[derive(Clone, Debug)]
pub struct Image {
    /// The config first.
    pub blobs: Vec<Blob>,
    /// The exact bytes of the manifest.
    pub manifest: Bytes,
    /// `sha256:…` of the manifest.
    pub digest: String,
}

impl Image {
    /// The image with a config of a few bytes and these layers.
    pub fn new(rng: &mut StdRng, layers: Vec<Blob>) -> Self {
        let mut blobs = vec![Blob::new(rng.random(), 100)];
        blobs.extend(layers);
        Self::of(blobs, "")
    }

    /// The image of these blobs, the config first, with `note` in an annotation, which makes its
    /// manifest as large as one likes.
    pub fn of(blobs: Vec<Blob>, note: &str) -> Self {
        let describe = |blob: &Blob, kind: &str| -> Value {
            let media_type = format!("application/vnd.oci.image.{kind}");
            json!({ "mediaType": media_type, "digest": blob.digest, "size": blob.size })
        };
        let layers: Vec<_> =
            blobs[1..].iter().map(|blob| describe(blob, "layer.v1.tar+gzip")).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": crate::client::MANIFEST,
            "config": describe(&blobs[0], "config.v1+json"),
            "layers": layers,
            "annotations": { "note": note },
        });
        let manifest = Bytes::from(manifest.to_string());
        let digest = digest(&manifest);
        Self { blobs, manifest, digest }
    }
}

/// The digest of these bytes, as the registry names it.
pub fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
