//! Descriptors: how one piece of content points to another. Whether the content is there, and is what
//! the descriptor says, is for those who hold the content.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{digest::Digest, media_type, platform::Platform};

/// A reference to content (image-spec, "Content Descriptors"). Members that are absent are not
/// written; a `null` list reads as an empty one, since Go programs write it so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Printable ASCII, 1 to 255 bytes.
    #[serde(deserialize_with = "media_type::required")]
    pub media_type: String,
    pub digest: Digest,
    /// In bytes; at most `i64::MAX`, as the image-spec's int64.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    #[serde(
        default,
        deserialize_with = "media_type::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Where else the content may be had. Never followed by Wharf.
    #[serde(
        default,
        deserialize_with = "crate::json::list_or_null",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub urls: Vec<String>,
    /// The content itself in base64, as the author claims: not checked against `digest`, not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

fn size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(from)?;
    if i64::try_from(size).is_err() {
        return Err(D::Error::custom(format_args!("size {size} is too large")));
    }
    Ok(size)
}
