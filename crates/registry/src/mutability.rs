//! Tag mutability: whether a tag that exists may be moved.
//!
//! Source: "Preventing image tags from being overwritten", Amazon ECR User Guide.

use serde::{Deserialize, Serialize};
use wharf_oci::Tag;

/// The four modes of a repository.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    Mutable,
    Immutable,
    MutableWithExclusion,
    ImmutableWithExclusion,
}

/// A filter of tags that the mode does not hold for: `*` stands for any run of characters, the
/// whole tag must match, case counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExclusionFilter {
    /// Always `WILDCARD`.
    pub filter_type: String,
    pub filter: String,
}

/// A repository's rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mutability {
    pub mode: Mode,
    pub filters: Vec<ExclusionFilter>,
}

impl Mode {
    /// The name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Mutable => "MUTABLE",
            Mode::Immutable => "IMMUTABLE",
            Mode::MutableWithExclusion => "MUTABLE_WITH_EXCLUSION",
            Mode::ImmutableWithExclusion => "IMMUTABLE_WITH_EXCLUSION",
        }
    }

    /// Whether the mode needs filters; the plain modes allow none.
    #[must_use]
    pub fn has_filters(self) -> bool {
        matches!(self, Mode::MutableWithExclusion | Mode::ImmutableWithExclusion)
    }
}

impl std::str::FromStr for Mode {
    type Err = ();

    fn from_str(text: &str) -> Result<Mode, ()> {
        let all = [
            Mode::Mutable,
            Mode::Immutable,
            Mode::MutableWithExclusion,
            Mode::ImmutableWithExclusion,
        ];
        all.into_iter().find(|mode| mode.as_str() == text).ok_or(())
    }
}

impl Mutability {
    /// Whether `tag`, once set, stays where it is.
    #[must_use]
    pub fn fixes(&self, tag: &Tag) -> bool {
        let excluded = || self.filters.iter().any(|filter| matches(&filter.filter, tag.as_str()));
        match self.mode {
            Mode::Mutable => false,
            Mode::Immutable => true,
            Mode::MutableWithExclusion => excluded(),
            Mode::ImmutableWithExclusion => !excluded(),
        }
    }
}

/// Matches with `*` only: the parts between the stars must follow one another, the first at the
/// start and the last at the end. Taking the leftmost place for each part never misses a match.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn stars_stand_for_any_run() {
        let yes = ["v*:v1", "v*:v", "*:x", "*-dev:1-dev", "a*b*c:abc", "a*b*c:a1b2c", "a**c:ac"];
        let no = ["v*:w1", "*-dev:1-dev2", "a*b*c:acb", "ab*ba:aba", "x:xy", "V*:v1"];
        for (cases, expected) in [(&yes[..], true), (&no[..], false)] {
            for case in cases {
                let (pattern, text) = case.split_once(':').unwrap();
                assert_eq!(matches(pattern, text), expected, "{case}");
            }
        }
    }

    #[test]
    fn the_four_modes() {
        let filters =
            vec![ExclusionFilter { filter_type: "WILDCARD".into(), filter: "dev*".into() }];
        let fixes = |mode, tag: &str| {
            Mutability { mode, filters: filters.clone() }.fixes(&tag.parse().unwrap())
        };
        assert!(!fixes(Mode::Mutable, "v1"));
        assert!(fixes(Mode::Immutable, "dev1"));
        assert!(
            fixes(Mode::MutableWithExclusion, "dev1") && !fixes(Mode::MutableWithExclusion, "v1")
        );
        assert!(
            !fixes(Mode::ImmutableWithExclusion, "dev1")
                && fixes(Mode::ImmutableWithExclusion, "v1")
        );
    }
}
