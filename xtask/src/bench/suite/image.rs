//! OCI images of fresh content to push and pull. Their layers are no archives: no registry looks.

use bytes::Bytes;
use serde_json::{Value, json};

use super::content::Content;

/// The media type of the manifests made here.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Content and its digest.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The bytes.
    pub content: Content,
    /// `sha256:<hex>` of them.
    pub digest: String,
}

impl Blob {
    /// A blob of `size` bytes that no store has seen.
    pub fn fresh(size: u64) -> Self {
        Self::of(Content::fresh(size))
    }

    fn of(content: Content) -> Self {
        Self { digest: content.digest(), content }
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.content.size() })
    }
}

/// An image: its blobs, and the manifest that names them.
#[derive(Debug, Clone)]
pub struct Image {
    /// The layers first, then the config.
    pub blobs: Vec<Blob>,
    /// The manifest.
    pub manifest: Blob,
}

impl Image {
    /// An image of `layers` layers of `size` bytes each, and a config of its own.
    pub fn fresh(layers: usize, size: u64) -> Self {
        let mut blobs: Vec<Blob> = (0..layers).map(|_| Blob::fresh(size)).collect();
        let config = Blob::of(text(&config(&blobs)));
        let manifest = Blob::of(text(&manifest(&blobs, &config)));
        blobs.push(config);
        Self { blobs, manifest }
    }

    /// The text of a manifest of the same blobs, which differs from others by its revision.
    pub fn revision(&self, revision: usize) -> String {
        let (config, layers) = self.blobs.split_last().expect("every image has a config");
        let mut manifest = manifest(layers, config);
        let revision = revision.to_string();
        manifest["annotations"] = json!({ "org.opencontainers.image.revision": revision });
        manifest.to_string()
    }

    /// The first layer.
    pub fn layer(&self) -> &Blob {
        &self.blobs[0]
    }
}

fn manifest(layers: &[Blob], config: &Blob) -> Value {
    let layer = |blob: &Blob| blob.descriptor("application/vnd.oci.image.layer.v1.tar+gzip");
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    })
}

fn config(layers: &[Blob]) -> Value {
    let diff_ids: Vec<_> = layers.iter().map(|layer| &layer.digest).collect();
    json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Cmd": ["/bin/true"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
}

fn text(value: &Value) -> Content {
    Content::Text(Bytes::from(value.to_string()))
}
