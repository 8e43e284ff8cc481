//! Repository names, by the grammar of ECR's current service model. Whether a repository of that name
//! exists, and to which account and Region it belongs, is not known here.

use std::{str::FromStr, sync::Arc};

use crate::text::{checked_text, excerpt};

/// The name of a repository: 2 to 256 characters, one or more components joined by `/`. A component
/// is runs of `a-z0-9` joined by `.`, `_`, `__` or one or more `-`. Cloning shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RepositoryName(Arc<str>);

/// A text that is not a repository name; `Display` says what was given and what is accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "\"{0}\" is not a repository name: expected 2 to 256 characters, lower-case letters and digits \
     joined by a period, one or two underscores, hyphens or a slash"
)]
pub struct InvalidRepositoryName(String);

checked_text!(RepositoryName);

impl FromStr for RepositoryName {
    type Err = InvalidRepositoryName;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        if (2..=256).contains(&given.len()) && given.split('/').all(is_component) {
            Ok(RepositoryName(given.into()))
        } else {
            Err(InvalidRepositoryName(excerpt(given)))
        }
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, each byte looked at once.
fn is_component(component: &str) -> bool {
    let mut rest = component.as_bytes();
    loop {
        let (word, after_word) = split_run(rest, is_word);
        if word.is_empty() {
            return false;
        }
        if after_word.is_empty() {
            return true;
        }
        let (separator, after_separator) = split_run(after_word, |byte| !is_word(byte));
        if !is_separator(separator) {
            return false;
        }
        rest = after_separator;
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_separator(run: &[u8]) -> bool {
    matches!(run, b"." | b"_" | b"__") || run.iter().all(|byte| *byte == b'-')
}

/// Splits off the longest run at the start whose bytes are all `wanted`.
fn split_run(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !wanted(*byte));
    bytes.split_at(end.unwrap_or(bytes.len()))
}
