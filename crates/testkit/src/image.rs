//! Images made for a test: small, each different, in the forms that clients push.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use wharf_oci::{Algorithm, Digest, media_type};

/// A manifest, or anything that is pushed in the place of one.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub media_type: String,
    pub bytes: Bytes,
}

/// An image with everything that it names.
#[derive(Clone, Debug)]
pub struct Image {
    pub config: Bytes,
    pub layers: Vec<Bytes>,
    pub manifest: Manifest,
}

/// What an image is to be made of.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    layers: Vec<Bytes>,
    members: Map<String, Value>,
    config: Option<(String, Bytes)>,
    docker: bool,
}

/// The SHA-256 digest of some bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).to_string()
}

/// The SHA-512 digest of some bytes.
#[must_use]
pub fn digest512(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha512, bytes).to_string()
}

/// `length` bytes that look random and are the same for the same `seed`.
#[must_use]
pub fn noise(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

impl Manifest {
    /// The document, printed compactly, under the given type.
    #[must_use]
    pub fn of(media_type: &str, document: &Value) -> Manifest {
        Manifest { media_type: media_type.to_owned(), bytes: document.to_string().into() }
    }

    /// An OCI index of these manifests.
    #[must_use]
    pub fn index(children: &[&Manifest]) -> Manifest {
        Manifest::index_with(children, json!({}))
    }

    /// An OCI index with further members.
    #[must_use]
    pub fn index_with(children: &[&Manifest], members: Value) -> Manifest {
        let manifests: Vec<Value> =
            children.iter().map(|child| descriptor(&child.media_type, &child.bytes)).collect();
        let mut document = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_INDEX,
            "manifests": manifests,
        });
        merge(&mut document, members);
        Manifest::of(media_type::OCI_INDEX, &document)
    }

    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.bytes)
    }

    /// The manifest as the text that PutImage takes.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.to_vec()).unwrap()
    }
}

impl Image {
    /// A small image with one layer, different for each `name`.
    #[must_use]
    pub fn of(name: &str) -> Image {
        Recipe::default()
            .layer(format!("layer of {name}"))
            .config(format!("{{\"architecture\":\"amd64\",\"os\":\"linux\",\"name\":{name:?}}}"))
            .build()
    }

    /// What to make an image of.
    #[must_use]
    pub fn recipe() -> Recipe {
        Recipe::default()
    }

    #[must_use]
    pub fn digest(&self) -> String {
        self.manifest.digest()
    }

    /// Config and layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// Bytes of config and layers together.
    #[must_use]
    pub fn size(&self) -> usize {
        self.blobs().map(Bytes::len).sum()
    }
}

impl Recipe {
    /// One more layer.
    #[must_use]
    pub fn layer(mut self, bytes: impl Into<Bytes>) -> Recipe {
        self.layers.push(bytes.into());
        self
    }

    /// The config; without one it is the empty object.
    #[must_use]
    pub fn config(self, bytes: impl Into<Bytes>) -> Recipe {
        self.typed_config(media_type::OCI_CONFIG, bytes)
    }

    /// The config and its type.
    #[must_use]
    pub fn typed_config(mut self, media_type: &str, bytes: impl Into<Bytes>) -> Recipe {
        self.config = Some((media_type.to_owned(), bytes.into()));
        self
    }

    /// One more member of the manifest.
    #[must_use]
    pub fn member(mut self, name: &str, value: Value) -> Recipe {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// The manifest that this one refers to.
    #[must_use]
    pub fn subject(self, subject: &Manifest) -> Recipe {
        let descriptor = descriptor(&subject.media_type, &subject.bytes);
        self.member("subject", descriptor)
    }

    /// In Docker's form instead of OCI's.
    #[must_use]
    pub fn docker(mut self) -> Recipe {
        self.docker = true;
        self
    }

    /// The image.
    #[must_use]
    pub fn build(self) -> Image {
        let (manifest_type, layer_type) = match self.docker {
            true => {
                (media_type::DOCKER_MANIFEST, "application/vnd.docker.image.rootfs.diff.tar.gzip")
            }
            false => (media_type::OCI_MANIFEST, "application/vnd.oci.image.layer.v1.tar+gzip"),
        };
        let empty = || (media_type::OCI_EMPTY.to_owned(), Bytes::from_static(b"{}"));
        let (mut config_type, config) = self.config.unwrap_or_else(empty);
        if self.docker {
            config_type = media_type::DOCKER_CONFIG.to_owned();
        }
        let layers: Vec<Value> =
            self.layers.iter().map(|layer| descriptor(layer_type, layer)).collect();
        let mut document = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": descriptor(&config_type, &config),
            "layers": layers,
        });
        merge(&mut document, Value::Object(self.members));
        let manifest = Manifest::of(manifest_type, &document);
        Image { config, layers: self.layers, manifest }
    }
}

/// What names `bytes` in a manifest.
#[must_use]
pub fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
}

fn merge(document: &mut Value, members: Value) {
    let Value::Object(members) = members else { panic!("{members} is no object") };
    document.as_object_mut().unwrap().extend(members);
}
