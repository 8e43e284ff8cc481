//! The ways in for a fuzzer: bytes become manifests and names, and what must hold of all of them is
//! asserted. Seeds and mutations are not here: they are in `fuzz/`.

use std::{fmt::Display, str::FromStr};

use serde_json::Value;

use crate::{Algorithm, Descriptor, Digest, Hasher, Manifest, Reference, RepositoryName, Tag};

/// Reads `bytes` as a line with the declared media type, or nothing, and a manifest. Nothing may
/// panic; a manifest that is accepted must be read the same under its own media type, and name the
/// content that any other reader of JSON finds in it.
///
/// # Panics
/// If there is an error in this crate.
pub fn manifest_bytes(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (declared, document) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let declared = std::str::from_utf8(declared).ok();
    let manifest = match Manifest::parse(document, declared) {
        Ok(manifest) => manifest,
        Err(refusal) => return assert!(!refusal.to_string().is_empty()),
    };
    let again = Manifest::parse(document, Some(&manifest.media_type));
    assert_eq!(again.as_ref(), Ok(&manifest));
    let _ = (manifest.content_size(), manifest.artifact_media_type());
    assert!(manifest.required_blobs().len() <= manifest.layers.len() + 1);
    let plain: Value = serde_json::from_slice(document).expect("what is strict JSON is JSON");
    same_content(manifest.config.iter().collect(), &plain["config"]);
    same_content(manifest.subject.iter().collect(), &plain["subject"]);
    same_content(manifest.manifests.iter().collect(), &plain["manifests"]);
    let layers = if plain["layers"].is_null() { &plain["blobs"] } else { &plain["layers"] };
    same_content(manifest.layers.iter().collect(), layers);
}

/// Reads `bytes` as each kind of name, and as the saved state of a hasher. Nothing may panic, and
/// what is accepted must print as it was written.
///
/// # Panics
/// If there is an error in this crate.
pub fn name_bytes(bytes: &[u8]) {
    if let Ok(hasher) = Hasher::restore(bytes) {
        assert_eq!(hasher.save(), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    prints_as_written::<RepositoryName>(text);
    prints_as_written::<Reference>(text);
    prints_as_written::<Tag>(text);
    prints_as_written::<Digest>(text);
    prints_as_written::<Algorithm>(text);
}

/// The descriptors against the object, or the array of objects, that they were read from.
fn same_content(descriptors: Vec<&Descriptor>, plain: &Value) {
    let objects = match plain {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    };
    assert_eq!(descriptors.len(), objects.len());
    for (descriptor, object) in descriptors.into_iter().zip(objects) {
        assert_eq!(object["digest"], descriptor.digest.to_string());
        assert_eq!(object["size"], descriptor.size);
        assert_eq!(object["mediaType"], descriptor.media_type);
    }
}

fn prints_as_written<T: FromStr + Display>(text: &str)
where
    T::Err: Display,
{
    match text.parse::<T>() {
        Ok(name) => assert_eq!(name.to_string(), text),
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}
