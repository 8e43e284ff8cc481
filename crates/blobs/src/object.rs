//! The name of a stored object. A name belongs to one upload and is never used twice, so a late or repeated delete
//! cannot hit newer bytes of the same digest.

use std::{fmt, str::FromStr};

use uuid::Uuid;
use wharf_oci::Digest;

/// The unique name of stored bytes below the store's `blobs` folder: `sha256/ab/<hex>.<uuid>`, where `ab` are the
/// first two characters of the digest's hex and the uuid is that of the upload which brought the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object(String);

impl Object {
    /// The name that the bytes of `digest`, brought by the upload `id`, have.
    pub fn new(digest: &Digest, id: Uuid) -> Object {
        let (algorithm, hex) = (digest.algorithm(), digest.hex());
        Object(format!("{algorithm}/{}/{hex}.{id}", &hex[..2]))
    }

    /// The name as text, relative to the store's `blobs` folder.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> Digest {
        let algorithm = self.0.split('/').next().unwrap_or_default();
        let name = self.0.rsplit('/').next().unwrap_or_default();
        let hex = name.split('.').next().unwrap_or_default();
        format!("{algorithm}:{hex}").parse().expect("the name was made from a digest")
    }

    /// The folder that holds the object: `sha256/ab`.
    pub(crate) fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not the name of an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a stored object")]
pub struct InvalidObject;

/// Accepts exactly what [`Object::new`] makes: the parts are parsed, the name is built from them, and the text must be
/// equal to it. So no path trick needs to be thought of.
impl FromStr for Object {
    type Err = InvalidObject;

    fn from_str(text: &str) -> Result<Object, InvalidObject> {
        let (algorithm, rest) = text.split_once('/').ok_or(InvalidObject)?;
        let (_, name) = rest.split_once('/').ok_or(InvalidObject)?;
        let (hex, id) = name.split_once('.').ok_or(InvalidObject)?;
        let digest: Digest = format!("{algorithm}:{hex}").parse().map_err(|_| InvalidObject)?;
        let id: Uuid = id.parse().map_err(|_| InvalidObject)?;
        let object = Object::new(&digest, id);
        if object.0 == text { Ok(object) } else { Err(InvalidObject) }
    }
}
