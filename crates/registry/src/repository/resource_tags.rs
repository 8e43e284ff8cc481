//! The tags of a repository itself, for cost and access control. Not image tags.
//!
//! Source: "Tagging a private repository in Amazon ECR", User Guide.

use serde::{Deserialize, Serialize};
use wharf_db::{Tx, statement, tx};
use wharf_policy::{Fact, Facts};

use crate::{Error, Registry, Repository};

/// A key with its value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceTag {
    pub key: String,
    pub value: String,
}

/// The most tags that a repository has.
const MOST: i64 = 50;

statement! {
    SET = "INSERT INTO repository_tags (repository_id, tag_key, tag_value) VALUES ($1, $2, $3)
           ON CONFLICT (repository_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value";
    OTHERS = "SELECT COUNT(*) FROM repository_tags WHERE repository_id = $1
                  AND tag_key NOT IN (SELECT value FROM json_each($2))";
    REMOVE = "DELETE FROM repository_tags WHERE repository_id = $1
                  AND tag_key IN (SELECT value FROM json_each($2))";
    LIST = "SELECT tag_key, tag_value FROM repository_tags WHERE repository_id = $1
            ORDER BY tag_key";
}

/// The tags, by key in byte order.
pub async fn list(registry: &Registry, repository: &Repository) -> Result<Vec<ResourceTag>, Error> {
    let rows = registry.db.all::<(String, String)>(&LIST, (&**repository.id(),)).await?;
    Ok(rows.into_iter().map(|(key, value)| ResourceTag { key, value }).collect())
}

/// What conditions can ask of a request that sets these tags: `aws:RequestTag/…` and `aws:TagKeys`.
#[must_use]
pub fn facts(tags: &[ResourceTag]) -> Facts {
    let each = tags
        .iter()
        .map(|tag| (format!("aws:RequestTag/{}", tag.key), Fact::One(tag.value.clone())));
    each.chain(key_fact(tags.iter().map(|tag| &tag.key))).collect()
}

/// What conditions can ask of a request that names these keys of tags: `aws:TagKeys`.
#[must_use]
pub fn key_facts(keys: &[String]) -> Facts {
    key_fact(keys.iter()).into_iter().collect()
}

fn key_fact<'a>(keys: impl Iterator<Item = &'a String>) -> Option<(String, Fact)> {
    let keys: Vec<String> = keys.cloned().collect();
    (!keys.is_empty()).then(|| ("aws:TagKeys".to_owned(), Fact::Many(keys)))
}

/// Sets all tags or none; a key that is there gets the new value. Refuses what ECR refuses, and
/// more than 50 tags together.
pub async fn set(
    registry: &Registry,
    repository: &Repository,
    tags: &[ResourceTag],
) -> Result<(), Error> {
    check(tags)?;
    let id = &**repository.id();
    let keys: Vec<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    let keys = serde_json::to_string(&keys).expect("a list of strings is JSON");
    let result = tx!(registry.db, |tx| {
        // Before anything is written, so that a refusal leaves nothing to take back.
        let others = tx.optional::<(i64,)>(&OTHERS, (id, keys.as_str())).await?;
        if others.map_or(0, |(count,)| count) + tags.len() as i64 > MOST {
            return Err(Error::TooManyTags);
        }
        registry.changes_repository(tx, repository);
        insert(tx, id, tags).await
    });
    result.map_err(|error| repository.gone_if_unlinked(error))
}

/// Removes the tags with these keys. Keys that are not there are none to remove.
pub async fn remove(
    registry: &Registry,
    repository: &Repository,
    keys: &[String],
) -> Result<(), Error> {
    // No key has a NUL, and PostgreSQL takes none.
    let keys: Vec<&String> = keys.iter().filter(|key| !key.contains('\0')).collect();
    let list = serde_json::to_string(&keys).expect("a list of strings is JSON");
    tx!(registry.db, |tx| {
        let values = (&**repository.id(), list.as_str());
        registry.changes_repository(tx, repository);
        tx.execute(&REMOVE, values).await?;
        Ok(())
    })
}

/// Writes the tags, which have been checked.
pub(super) async fn insert(tx: &mut Tx, id: &str, tags: &[ResourceTag]) -> Result<(), Error> {
    for tag in tags {
        tx.execute(&SET, (id, tag.key.as_str(), tag.value.as_str())).await?;
    }
    Ok(())
}

/// At most 50 tags; keys of 1 to 128 characters, each once, not beginning with `aws:`; values of
/// up to 256.
pub(super) fn check(tags: &[ResourceTag]) -> Result<(), Error> {
    if tags.len() as i64 > MOST {
        return Err(Error::TooManyTags);
    }
    for (index, tag) in tags.iter().enumerate() {
        let refuse =
            |text: &str| Err(Error::InvalidTagParameter(format!("Tag key '{}' {text}", tag.key)));
        match tag.key.chars().count() {
            0 => return refuse("is empty"),
            1..=128 => {}
            _ => return refuse("is longer than 128 characters"),
        }
        if tag.value.chars().count() > 256 {
            return refuse("has a value longer than 256 characters");
        }
        if tag.key.contains('\0') || tag.value.contains('\0') {
            return refuse("or its value contains a NUL character");
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return refuse("begins with 'aws:', which is reserved");
        }
        if tags[..index].iter().any(|earlier| earlier.key == tag.key) {
            return refuse("is given twice");
        }
    }
    Ok(())
}
