//! The name of a stored object. A name belongs to one session and is never used twice, so a late or repeated delete
//! cannot hit newer bytes of the same digest.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;
use wharf_oci::Digest;

/// The unique name of stored bytes, in one of two forms.
///
/// | store | name |
/// |---|---|
/// | files | `sha256/ab/<hex>.<session>`; `ab` are the first two characters of the digest's hex |
/// | S3 | `s3/ab/<session>.<write>`; `ab` are the last two characters of the session |
///
/// The session is the one that brought the bytes. S3 cannot rename, and the key of a large object is fixed before its
/// digest is known, so there the name says nothing of the digest; and as two replicas may write for one session at the
/// same time, each write has an id of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object(String);

/// The first part of all names of the second form.
const S3: &str = "s3";

impl Object {
    /// The name in a store of files.
    pub(crate) fn of_digest(digest: &Digest, session: Uuid) -> Object {
        let (algorithm, hex) = (digest.algorithm(), digest.hex());
        Object(format!("{algorithm}/{}/{hex}.{session}", &hex[..2]))
    }

    /// The name in an S3 store.
    pub(crate) fn of_write(session: Uuid, write: Uuid) -> Object {
        Object(format!("{}{write}", Object::of_session(session)))
    }

    /// What the names of all writes of this session begin with.
    pub(crate) fn of_session(session: Uuid) -> String {
        let text = session.to_string();
        format!("{S3}/{}/{text}.", &text[text.len() - 2..])
    }

    /// The name as text, relative to where the store keeps its objects.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digest of the bytes, where the name tells it.
    pub fn digest(&self) -> Option<Digest> {
        let (algorithm, rest) = self.0.split_once('/')?;
        let (hex, _) = rest.rsplit_once('/')?.1.split_once('.')?;
        format!("{algorithm}:{hex}").parse().ok()
    }

    /// The session that brought the bytes. An object of an upload that is not finished yet has its row there.
    pub fn session(&self) -> Uuid {
        let last = self.0.rsplit('/').next().unwrap_or_default();
        let (first, second) = last.split_once('.').unwrap_or_default();
        let text = if self.is_of_write() { first } else { second };
        text.parse().expect("the name was made from a session")
    }

    /// The folder that holds the object: `sha256/ab`.
    pub(crate) fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    fn is_of_write(&self) -> bool {
        self.0.split('/').next() == Some(S3)
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

/// Accepts exactly the two forms: the parts are parsed, the name is built from them, and the text must be equal to it.
/// So no path trick needs to be thought of.
impl FromStr for Object {
    type Err = InvalidObject;

    fn from_str(text: &str) -> Result<Object, InvalidObject> {
        let (kind, rest) = text.split_once('/').ok_or(InvalidObject)?;
        let (_, name) = rest.split_once('/').ok_or(InvalidObject)?;
        let (first, second) = name.split_once('.').ok_or(InvalidObject)?;
        let second: Uuid = second.parse().map_err(|_| InvalidObject)?;
        let object = if kind == S3 {
            Object::of_write(first.parse().map_err(|_| InvalidObject)?, second)
        } else {
            let digest: Digest = format!("{kind}:{first}").parse().map_err(|_| InvalidObject)?;
            Object::of_digest(&digest, second)
        };
        if object.0 == text { Ok(object) } else { Err(InvalidObject) }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
