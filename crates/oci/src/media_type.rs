//! The media types of manifests, configs and layers, and what their names alone tell. Which structure
//! a manifest of each type has is in `manifest`.

use serde::{Deserialize, Deserializer, de::Error};

/// Docker image manifest, version 2, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list: what OCI calls an index.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Config of a Docker image.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker image manifest, version 2, schema 1. Not accepted.
pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
/// Docker image manifest, version 2, schema 1, signed. Not accepted.
pub const DOCKER_SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Config of an OCI image.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The two bytes `{}`, in the place of a config or layer that is not needed.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// OCI artifact manifest, of a release candidate of image-spec 1.1.
pub const OCI_ARTIFACT_MANIFEST: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// ORAS artifact manifest, the forerunner of the OCI one.
pub const ORAS_ARTIFACT_MANIFEST: &str = "application/vnd.cncf.oras.artifact.manifest.v1+json";

/// The longest media type accepted in a manifest, in bytes: RFC 6838 allows 127 on either side of the
/// slash.
const MAX_BYTES: usize = 255;

/// Whether a layer of this type is fetched from elsewhere and need not be in the registry.
pub fn is_foreign(media_type: &str) -> bool {
    media_type.contains("foreign") || media_type.contains("nondistributable")
}

/// Whether a manifest of this type lists other manifests.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, DOCKER_MANIFEST_LIST | OCI_INDEX)
}

/// The media type without parameters such as `; charset=utf-8`, trimmed.
pub fn strip_parameters(media_type: &str) -> &str {
    match media_type.split_once(';') {
        Some((essence, _)) => essence.trim(),
        None => media_type.trim(),
    }
}

/// Reads a media type that must be there.
pub(crate) fn required<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let given = String::deserialize(from)?;
    check(&given).map_err(D::Error::custom)?;
    Ok(given)
}

/// Reads a media type that may be missing; the specifications treat an empty one alike.
pub(crate) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let given = Option::<String>::deserialize(from)?.filter(|it| !it.is_empty());
    if let Some(given) = &given {
        check(given).map_err(D::Error::custom)?;
    }
    Ok(given)
}

/// A media type ends up in headers and tables, so it is held to printable ASCII of bounded length; its
/// grammar is otherwise its author's affair.
fn check(given: &str) -> Result<(), String> {
    if given.is_empty() {
        return Err("a media type is empty".to_owned());
    }
    if given.len() > MAX_BYTES {
        let found = given.len();
        return Err(format!("a media type has {found} bytes, more than {MAX_BYTES}"));
    }
    if !given.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(format!("media type {given:?} is not printable ASCII"));
    }
    Ok(())
}
