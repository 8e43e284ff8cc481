//! Tag mutability: whether a tag that exists may be moved.
//!
//! Source: "Preventing image tags from being overwritten", Amazon ECR User Guide.

use serde::{Deserialize, Serialize};
use wharf_db::{Tx, statement, tx};
use wharf_oci::Tag;

use crate::{Error, Registry, Repository};

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

statement! {
    FIND = "SELECT tag_mutability, exclusion_filters FROM repositories WHERE id = $1";
    TAGS = "SELECT COUNT(*) FROM tags WHERE repository_id = $1";
    UPDATE = "UPDATE repositories SET tag_mutability = $2, exclusion_filters = $3 WHERE id = $1";
}

/// The repository's rule as it is in this transaction: what a push was told when it began may have
/// been changed since.
pub(crate) async fn current(tx: &mut Tx, repository: &Repository) -> Result<Mutability, Error> {
    let found = tx.optional::<(String, String)>(&FIND, (&**repository.id(),)).await?;
    let (mode, filters) = found.ok_or_else(|| repository.not_found())?;
    Mutability::stored(&mode, &filters).map_err(Error::fault)
}

/// Gives the repository another rule. It holds for every push that ends after this; tags stay as
/// they are.
pub async fn put(
    registry: &Registry,
    repository: &Repository,
    rule: &Mutability,
) -> Result<(), Error> {
    let changed = tx!(registry.db, |tx| {
        registry.changes_repository(tx, repository);
        // A push that read the old rule and moves a tag later would come before this in a serial
        // order, although this was told to be done. Reading what it writes makes PostgreSQL see
        // that neither can come first, and the push is run again.
        tx.optional::<(i64,)>(&TAGS, (&**repository.id(),)).await?;
        let values = (&**repository.id(), rule.mode.as_str(), rule.filters_text());
        tx.execute(&UPDATE, values).await.map_err(Error::from)
    })?;
    if changed == 0 { Err(repository.not_found()) } else { Ok(()) }
}

impl Mutability {
    /// What a caller asks for. A mode that is not known is refused; the modes with exclusions need
    /// filters, the plain ones allow none; a filter has at most two stars (as Terraform and CDK
    /// hold it too).
    pub fn asked(mode: &str, filters: Vec<ExclusionFilter>) -> Result<Mutability, Error> {
        let mode: Mode = mode.parse().map_err(|()| Error::Parameter {
            path: "imageTagMutability",
            reason: "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, \
                     MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]"
                .to_owned(),
        })?;
        let name = mode.as_str();
        let starry = filters.iter().find(|filter| filter.filter.matches('*').count() > 2);
        let reason = match starry {
            _ if mode.has_filters() && filters.is_empty() => format!(
                "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {name}"
            ),
            _ if !mode.has_filters() && !filters.is_empty() => format!(
                "ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as {name}"
            ),
            Some(filter) => format!("The filter '{}' has more than two wildcards", filter.filter),
            None => return Ok(Mutability { mode, filters }),
        };
        Err(Error::Parameter { path: "imageTagMutabilityExclusionFilters", reason })
    }

    /// Reads what [`Mode::as_str`] and [`Mutability::filters_text`] wrote.
    pub(crate) fn stored(mode: &str, filters: &str) -> Result<Mutability, std::io::Error> {
        let damaged = |text| std::io::Error::other(format!("'{text}' is no rule for tags"));
        Ok(Mutability {
            mode: mode.parse().map_err(|()| damaged(mode))?,
            filters: serde_json::from_str(filters).map_err(|_| damaged(filters))?,
        })
    }

    pub(crate) fn filters_text(&self) -> String {
        serde_json::to_string(&self.filters).expect("a list of two strings each is JSON")
    }

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
