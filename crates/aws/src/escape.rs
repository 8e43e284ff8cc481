//! Percent escapes as both protocols and the signature need them: strict reading, AWS's own set of
//! characters when writing.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// Everything but `A-Za-z0-9-_.~` is escaped in a canonical request.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An escape that is no escape, worded as AWS does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("Incomplete trailing escape % sequence")]
    Incomplete,
    #[error("Illegal hex character in escape % pattern: %{0}")]
    Illegal(String),
}

/// Whether each `%` is followed by two hexadecimal digits.
pub(crate) fn check(text: &str) -> Result<(), Malformed> {
    for (at, _) in text.match_indices('%') {
        let mut following = text[at + 1..].chars();
        let (Some(first), Some(second)) = (following.next(), following.next()) else {
            return Err(Malformed::Incomplete);
        };
        if !first.is_ascii_hexdigit() || !second.is_ascii_hexdigit() {
            return Err(Malformed::Illegal(format!("{first}{second}")));
        }
    }
    Ok(())
}

/// The decoded names and values of a query string or form; a name without `=` has the empty value.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// `+` and `%20` are both a space, for some clients write the one and some the other.
fn decode(text: &str) -> Vec<u8> {
    let spaced: Cow<str> =
        if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    percent_decode_str(&spaced).collect()
}

/// Escapes as the canonical request does, with upper-case digits.
pub(crate) fn encode(bytes: &[u8]) -> impl std::fmt::Display {
    percent_encode(bytes, RESERVED)
}
