//! How far an upload has come: what the caller keeps in the upload's row between two requests, so that any replica can
//! go on with it. Where the parts lie is known to the engine alone.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wharf_oci::{Algorithm, Hasher};

use crate::Object;

/// Where an upload stands. The caller saves all of it before it answers, and hands it back to go on.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Bytes of the whole upload so far.
    pub received: u64,
    /// The state of the hash over everything received.
    pub hasher: Hasher,
    /// Where the bytes are.
    pub parts: Parts,
}

impl Progress {
    /// An upload that has received nothing yet.
    pub fn new(algorithm: Algorithm) -> Progress {
        Progress { received: 0, hasher: Hasher::new(algorithm), parts: Parts::default() }
    }
}

/// Whether the caller will promote the upload right after this append. Only a hint, but an upload that was ended takes
/// no more bytes on S3: [`Error::Ended`](crate::Error::Ended).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// More bytes may follow.
    More,
    /// These are the last ones, if all of them arrive.
    Last,
}

/// An upload on S3 that has no more bytes than this has them in [`Parts`] and costs no request.
pub const FEW: u64 = 16 * 1024;

/// What the engine needs to know of an upload's bytes to go on with it: nothing for files. For S3 the few bytes
/// themselves, or the multipart upload with its parts and the bytes behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// All bytes of an upload with no more than [`FEW`]. There is nothing else then.
    #[serde(default, skip_serializing_if = "Bytes::is_empty", with = "text")]
    pub(crate) few: Bytes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) multipart: Option<Multipart>,
    /// The bytes behind the multipart upload's, in order, each piece an object of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tail: Vec<Piece>,
    /// Objects whose bytes have been sent again as a part. They go with the upload, since the parts that replace them
    /// count only from when this value is saved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) spent: Vec<Object>,
    /// Nothing can follow: the last part may be smaller than a part in the middle must be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ended: bool,
}

/// A multipart upload under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Multipart {
    /// What it will be when it is completed.
    pub(crate) object: Object,
    pub(crate) id: String,
    /// The parts sent: what the store answered, and the length in bytes.
    pub(crate) parts: Vec<(String, u64)>,
}

/// A piece of an upload that is an object of its own; the whole upload, if there is nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Piece {
    pub(crate) object: Object,
    pub(crate) size: u64,
}

/// The text is not what [`Parts::save`] wrote.
#[derive(Debug, thiserror::Error)]
#[error("not the saved parts of an upload: {0}")]
pub struct InvalidParts(#[from] serde_json::Error);

impl Parts {
    /// As text for the upload's row: JSON, up to about 150 bytes for each part, or up to 22 KiB for few bytes; empty when there is nothing to say.
    pub fn save(&self) -> String {
        if *self == Parts::default() {
            return String::new();
        }
        serde_json::to_string(self).expect("strings and numbers have a JSON form")
    }

    /// Reads what [`Parts::save`] wrote.
    pub fn restore(saved: &str) -> Result<Parts, InvalidParts> {
        if saved.is_empty() {
            return Ok(Parts::default());
        }
        Ok(serde_json::from_str(saved)?)
    }

    /// Bytes in parts and pieces, or held here.
    pub(crate) fn size(&self) -> u64 {
        let sent = self.multipart.iter().flat_map(|multipart| &multipart.parts);
        sent.map(|(_, size)| size).sum::<u64>() + self.tail_size() + self.few.len() as u64
    }

    pub(crate) fn tail_size(&self) -> u64 {
        self.tail.iter().map(|piece| piece.size).sum()
    }
}

/// Bytes as Base64.
mod text {
    use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD_NO_PAD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}
