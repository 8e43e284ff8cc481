//! Tags, and references: what names a manifest within its repository. A whole image reference with
//! host and repository is not here; the doors of a registry never see one.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{
    digest::{Digest, InvalidDigest},
    text::{checked_text, excerpt},
};

/// A manifest's name within a repository: its tag or its digest (distribution-spec, "Pulling
/// manifests").
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reference {
    Tag(Tag),
    Digest(Digest),
}

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution-spec). Cloning shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tag(Arc<str>);

/// A text that is not a tag; `Display` says what was given and what is accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "\"{0}\" is not a tag: expected 1 to 128 letters, digits, underscores, periods and hyphens, the \
     first no period or hyphen"
)]
pub struct InvalidTag(String);

/// A text that is neither a tag nor a digest.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidReference {
    #[error(transparent)]
    Tag(#[from] InvalidTag),
    /// The text has a colon, which no tag can have.
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        if given.contains(':') {
            Ok(Reference::Digest(given.parse()?))
        } else {
            Ok(Reference::Tag(given.parse()?))
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Tag(tag) => tag.fmt(f),
            Reference::Digest(digest) => digest.fmt(f),
        }
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Reference {
        Reference::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Reference {
        Reference::Digest(digest)
    }
}

checked_text!(Tag);

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_tag = given.len() <= 128
            && given.bytes().next().is_some_and(is_word)
            && given.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
        if is_tag { Ok(Tag(given.into())) } else { Err(InvalidTag(excerpt(given))) }
    }
}
