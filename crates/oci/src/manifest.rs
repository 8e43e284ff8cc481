//! Manifests and indexes: what they are made of, and the one decision of what a document is. The bytes
//! themselves are never rewritten; whether the content they point to is there is checked elsewhere.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::error::Category;

use crate::{
    descriptor::Descriptor,
    json::{
        self,
        Place::{Any, Object, Objects},
        Shape,
    },
    media_type::{self, strip_parameters},
    text::excerpt,
};

/// The largest manifest accepted, in bytes (Amazon ECR quota; distribution-spec asks for at least
/// this).
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// How many manifests an index may list.
pub const MAX_CHILDREN: usize = 1_000;
/// How many layers an image may list.
pub const MAX_LAYERS: usize = 4_096;

/// A manifest or index as read. Of `layers` and `manifests` one is empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    pub kind: Kind,
    /// The type under which the bytes are stored and served, without parameters.
    pub media_type: String,
    /// `artifactType`; an empty one reads as none.
    pub artifact_type: Option<String>,
    /// There in every image manifest, never in an index or artifact manifest.
    pub config: Option<Descriptor>,
    /// The layers of an image manifest, the blobs of an artifact manifest.
    pub layers: Vec<Descriptor>,
    /// The children of an index.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one refers to. It need not exist.
    pub subject: Option<Descriptor>,
    pub annotations: Option<BTreeMap<String, String>>,
}

/// Whether a manifest points to blobs or to other manifests.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Points to blobs: image manifests, and artifact manifests with them.
    Image,
    /// Points to manifests: OCI indexes and Docker manifest lists.
    Index,
}

/// Why a document is not accepted as a manifest; `Display` is a sentence for the one who pushed it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidManifest {
    #[error("The manifest has {0} bytes, more than the {MAX_MANIFEST_BYTES} allowed")]
    TooLarge(usize),
    #[error("The manifest is not valid JSON: {0}")]
    Json(String),
    /// JSON that two readers could understand differently, or nested too deeply to be read by all.
    #[error("The manifest is ambiguous: {0}")]
    Ambiguous(String),
    /// JSON that lacks what its type demands, or has it in another form.
    #[error("The manifest is malformed: {0}")]
    Malformed(String),
    #[error(
        "The manifest's media type \"{body}\" differs from the \"{declared}\" that it was sent as"
    )]
    MediaType { declared: String, body: String },
    #[error("Unsupported manifest type: \"{0}\"")]
    Unsupported(String),
    #[error(
        "Docker image manifest version 2, schema 1 is not supported: push the image in a current format"
    )]
    SchemaOne,
    #[error("The manifest has no media type, and its members do not show which one it has")]
    Untyped,
    #[error("The manifest has {found} {what}, more than the {limit} allowed")]
    TooMany { what: &'static str, found: usize, limit: usize },
}

impl InvalidManifest {
    /// Whether the document was not JSON at all.
    pub fn is_syntax(&self) -> bool {
        matches!(self, InvalidManifest::Json(_))
    }
}

impl Manifest {
    /// Reads a manifest and decides what it is. `declared` is the Content-Type or the
    /// `imageManifestMediaType` it came with; parameters do not count, and an empty one is none.
    /// Without it the document's own `mediaType` decides, without that its members.
    ///
    /// # Errors
    /// [`InvalidManifest`] for documents that are too large, not strictly JSON, of an unknown type,
    /// not what they are declared to be, or readable as two types at once (CVE-2021-41190).
    pub fn parse(bytes: &[u8], declared: Option<&str>) -> Result<Manifest, InvalidManifest> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(InvalidManifest::TooLarge(bytes.len()));
        }
        let text = strict_object(bytes)?;
        let declared = declared.map(strip_parameters).filter(|it| !it.is_empty());
        if let Some(declared) = declared {
            Form::of(declared)?;
        }
        let document: Document = serde_json::from_str(text)
            .map_err(|wrong| InvalidManifest::Malformed(wrong.to_string()))?;
        document.into_manifest(declared)
    }

    /// The blobs that must be in the repository: config and layers in order, each digest once,
    /// without layers that are distributed elsewhere.
    pub fn required_blobs(&self) -> Vec<&Descriptor> {
        let mut seen = HashSet::new();
        self.config
            .iter()
            .chain(&self.layers)
            .filter(|blob| !media_type::is_foreign(&blob.media_type))
            .filter(|blob| seen.insert(&blob.digest))
            .collect()
    }

    /// The manifests an index lists; none for an image.
    pub fn children(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// ECR's `artifactMediaType`: `artifactType` if there is one, else the media type of the config.
    pub fn artifact_media_type(&self) -> Option<&str> {
        let config = self.config.as_ref().map(|it| it.media_type.as_str());
        self.artifact_type.as_deref().or(config)
    }

    /// The `artifactType` of this manifest's descriptor among the referrers of its subject
    /// (distribution-spec 1.1, "Listing Referrers"). It says the same as ECR does, since what has no
    /// config has no type to fall back on there either.
    pub fn referrer_artifact_type(&self) -> Option<&str> {
        self.artifact_media_type()
    }

    /// The bytes of config and layers together as their descriptors state them, capped at `u64::MAX`.
    pub fn content_size(&self) -> u64 {
        self.config.iter().chain(&self.layers).fold(0, |sum, blob| sum.saturating_add(blob.size))
    }
}

static MANIFEST: Shape = Shape(&[
    ("schemaVersion", Any),
    ("mediaType", Any),
    ("artifactType", Any),
    ("config", Object(&DESCRIPTOR)),
    ("layers", Objects(&DESCRIPTOR)),
    ("manifests", Objects(&DESCRIPTOR)),
    ("blobs", Objects(&DESCRIPTOR)),
    ("subject", Object(&DESCRIPTOR)),
    ("annotations", Any),
    ("fsLayers", Any),
]);

static DESCRIPTOR: Shape = Shape(&[
    ("mediaType", Any),
    ("digest", Any),
    ("size", Any),
    ("artifactType", Any),
    ("annotations", Any),
    ("platform", Object(&PLATFORM)),
    ("urls", Any),
    ("data", Any),
]);

static PLATFORM: Shape = Shape(&[
    ("os", Any),
    ("architecture", Any),
    ("variant", Any),
    ("os.version", Any),
    ("os.features", Any),
]);

/// The text of `bytes`, once it is sure to be an object that can be read in one way only.
fn strict_object(bytes: &[u8]) -> Result<&str, InvalidManifest> {
    let text =
        std::str::from_utf8(bytes).map_err(|wrong| InvalidManifest::Json(wrong.to_string()))?;
    if text.starts_with('\u{feff}') {
        let complaint = "it starts with a byte order mark";
        return Err(InvalidManifest::Json(complaint.to_owned()));
    }
    let is_object = text.trim_start().starts_with('{');
    let place = if is_object { Object(&MANIFEST) } else { Any };
    json::check(text, place).map_err(|wrong| match wrong.classify() {
        Category::Data => InvalidManifest::Ambiguous(wrong.to_string()),
        _ => InvalidManifest::Json(wrong.to_string()),
    })?;
    if is_object {
        Ok(text)
    } else {
        Err(InvalidManifest::Malformed("it is not an object".to_owned()))
    }
}

/// The structure that goes with a media type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Image,
    Index,
    Artifact,
}

impl Form {
    fn of(media_type: &str) -> Result<Form, InvalidManifest> {
        use media_type::*;
        match media_type {
            DOCKER_MANIFEST | OCI_MANIFEST => Ok(Form::Image),
            DOCKER_MANIFEST_LIST | OCI_INDEX => Ok(Form::Index),
            OCI_ARTIFACT_MANIFEST | ORAS_ARTIFACT_MANIFEST => Ok(Form::Artifact),
            DOCKER_SCHEMA1 | DOCKER_SCHEMA1_SIGNED => Err(InvalidManifest::SchemaOne),
            unknown => Err(InvalidManifest::Unsupported(excerpt(unknown))),
        }
    }
}

/// A member whose mere presence tells something: absent, `null`, or a value.
type Member<T> = Option<Option<T>>;

/// Every member that any form of manifest has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<u64>,
    media_type: Option<String>,
    #[serde(default, deserialize_with = "media_type::optional")]
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "member")]
    config: Member<Descriptor>,
    #[serde(default, deserialize_with = "member")]
    layers: Member<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "member")]
    manifests: Member<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "member")]
    blobs: Member<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "member")]
    fs_layers: Member<IgnoredAny>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

fn member<'de, D, T>(from: D) -> Result<Member<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from).map(Some)
}

impl Document {
    fn into_manifest(self, declared: Option<&str>) -> Result<Manifest, InvalidManifest> {
        let media_type = self.decide_media_type(declared)?;
        let form = Form::of(&media_type)?;
        self.check_schema_version(form)?;
        self.check_members(form)?;
        if form == Form::Image && !matches!(self.config, Some(Some(_))) {
            return Err(InvalidManifest::Malformed("it has no config".to_owned()));
        }
        let layers = self.layers.or(self.blobs).flatten().unwrap_or_default();
        let manifests = self.manifests.flatten().unwrap_or_default();
        check_count("layers", layers.len(), MAX_LAYERS)?;
        check_count("manifests", manifests.len(), MAX_CHILDREN)?;
        Ok(Manifest {
            kind: match form {
                Form::Index => Kind::Index,
                Form::Image | Form::Artifact => Kind::Image,
            },
            media_type,
            artifact_type: self.artifact_type,
            config: self.config.flatten(),
            layers,
            manifests,
            subject: self.subject,
            annotations: self.annotations,
        })
    }

    fn decide_media_type(&self, declared: Option<&str>) -> Result<String, InvalidManifest> {
        match (declared, self.media_type.as_deref()) {
            (Some(declared), Some(body)) if declared != body => Err(InvalidManifest::MediaType {
                declared: declared.to_owned(),
                body: excerpt(body),
            }),
            (Some(agreed), _) | (None, Some(agreed)) => Ok(agreed.to_owned()),
            (None, None) => self.infer_media_type().map(str::to_owned),
        }
    }

    fn infer_media_type(&self) -> Result<&'static str, InvalidManifest> {
        if self.schema_version == Some(1) {
            Err(InvalidManifest::SchemaOne)
        } else if self.manifests.is_some() {
            Ok(media_type::OCI_INDEX)
        } else if self.config.is_some() && self.layers.is_some() {
            Ok(media_type::OCI_MANIFEST)
        } else {
            Err(InvalidManifest::Untyped)
        }
    }

    /// Artifact manifests never had a version; every other form says 2.
    fn check_schema_version(&self, form: Form) -> Result<(), InvalidManifest> {
        match self.schema_version {
            Some(2) => Ok(()),
            None if form == Form::Artifact => Ok(()),
            Some(1) => Err(InvalidManifest::SchemaOne),
            Some(other) => {
                Err(InvalidManifest::Malformed(format!("its schemaVersion is {other}, not 2")))
            }
            None => Err(InvalidManifest::Malformed("it has no schemaVersion".to_owned())),
        }
    }

    /// Refuses members of another form, which a client that guesses would go by, and demands the lists
    /// of this one. A list that is `null` counts as there and empty: Go programs write it so.
    fn check_members(&self, form: Form) -> Result<(), InvalidManifest> {
        let members = [
            ("config", self.config.is_some(), form == Form::Image),
            ("layers", self.layers.is_some(), form == Form::Image),
            ("manifests", self.manifests.is_some(), form == Form::Index),
            ("blobs", self.blobs.is_some(), form == Form::Artifact),
            ("fsLayers", self.fs_layers.is_some(), false),
        ];
        for (name, is_there, belongs) in members {
            if is_there && !belongs {
                let complaint = format!("{name} does not belong in a manifest of this type");
                return Err(InvalidManifest::Ambiguous(complaint));
            }
        }
        for (name, is_there, belongs) in members {
            // Artifact manifests may do without blobs.
            if belongs && !is_there && form != Form::Artifact {
                return Err(InvalidManifest::Malformed(format!("it has no {name}")));
            }
        }
        Ok(())
    }
}

fn check_count(what: &'static str, found: usize, limit: usize) -> Result<(), InvalidManifest> {
    if found > limit {
        return Err(InvalidManifest::TooMany { what, found, limit });
    }
    Ok(())
}
