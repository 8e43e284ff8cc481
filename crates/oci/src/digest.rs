//! Digests: the name of content, `<algorithm>:<hex>`. The grammar is the narrow one on purpose: two
//! algorithms, lower case, exact length, so that a digest can never be a path or a second spelling of
//! another. Computing a digest piece by piece is in `hasher`.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{
    hasher::Hasher,
    text::{checked_text, excerpt},
};

/// The digest of some content: `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits
/// (image-spec, "Digests"). Cloning shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Digest(Arc<str>);

/// The algorithms that the image-spec registers and that Wharf accepts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

/// A text that is not a digest; `Display` says what was given and what is accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "\"{0}\" is not a digest: expected sha256: and 64, or sha512: and 128, lower-case hexadecimal digits"
)]
pub struct InvalidDigest(String);

/// A name that is no digest algorithm known here.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("\"{0}\" is not a digest algorithm: expected sha256 or sha512")]
pub struct InvalidAlgorithm(String);

impl Digest {
    /// The digest of `content`, in one go.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// Prints the raw output of `algorithm` as a digest. The length is the caller's promise.
    pub(crate) fn from_output(algorithm: Algorithm, output: &[u8]) -> Digest {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        debug_assert_eq!(output.len() * 2, algorithm.hex_len());
        let mut text = String::with_capacity(algorithm.as_str().len() + 1 + algorithm.hex_len());
        text.push_str(algorithm.as_str());
        text.push(':');
        for byte in output {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Digest(text.into())
    }

    /// The algorithm before the colon.
    pub fn algorithm(&self) -> Algorithm {
        if self.0.starts_with("sha512:") { Algorithm::Sha512 } else { Algorithm::Sha256 }
    }

    /// The digits after the colon.
    pub fn hex(&self) -> &str {
        &self.0[self.algorithm().as_str().len() + 1..]
    }
}

checked_text!(Digest);

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let is_digest = given.split_once(':').is_some_and(|(algorithm, hex)| {
            algorithm.parse().is_ok_and(|algorithm: Algorithm| hex.len() == algorithm.hex_len())
                && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        if is_digest { Ok(Digest(given.into())) } else { Err(InvalidDigest(excerpt(given))) }
    }
}

impl Algorithm {
    /// The name as it stands before the colon of a digest.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal digits a digest of this algorithm has.
    fn hex_len(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Sha512 => 128,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = InvalidAlgorithm;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        match given {
            "sha256" => Ok(Algorithm::Sha256),
            "sha512" => Ok(Algorithm::Sha512),
            other => Err(InvalidAlgorithm(excerpt(other))),
        }
    }
}
