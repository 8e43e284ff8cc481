//! Tags of users, roles, managed policies and providers. Keys that differ only by case are one, and
//! the newest spelling is kept; those of providers are told apart.
//!
//! Source: "Tags for AWS Identity and Access Management resources", User Guide.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use wharf_db::{Tx, statement, tx};

use crate::entity::{self, Entity, Kind};
use crate::error::quota;
use crate::{Error, Identity, limit};

/// A key with its value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

statement! {
    SET = "INSERT INTO entity_tags (entity_id, folded, tag_key, tag_value) VALUES ($1, $2, $3, $4)
           ON CONFLICT (entity_id, folded)
           DO UPDATE SET tag_key = excluded.tag_key, tag_value = excluded.tag_value";
    KEYS = "SELECT folded FROM entity_tags WHERE entity_id = $1";
    REMOVE = "DELETE FROM entity_tags WHERE entity_id = $1
                  AND folded IN (SELECT value FROM json_each($2))";
    PAGE = "SELECT tag_key, tag_value FROM entity_tags
            WHERE entity_id = $1 AND folded > $2 ORDER BY folded LIMIT $3";
}

impl Identity {
    /// Up to `limit` tags whose keys follow `after`, as [`fold`] makes it of the last one before.
    pub async fn tags(&self, id: &str, after: &str, limit: i64) -> Result<Vec<Tag>, Error> {
        let rows = self.db.all::<(String, String)>(&PAGE, (id, after, limit)).await?;
        Ok(rows.into_iter().map(|(key, value)| Tag { key, value }).collect())
    }

    /// Sets all tags or none.
    pub async fn tag(&self, entity: &Entity, tags: &[Tag]) -> Result<(), Error> {
        check(entity.kind, tags)?;
        tx!(self.db, |tx| {
            self.changes(tx);
            still_there(tx, entity).await?;
            check_room(tx, entity, tags).await?;
            set(tx, entity, tags).await
        })
    }

    /// Removes the tags with these keys. Keys that are not there are none to remove.
    pub async fn untag(&self, entity: &Entity, keys: &[String]) -> Result<(), Error> {
        let keys: Vec<String> = keys.iter().map(|key| fold(entity.kind, key)).collect();
        let list = serde_json::to_string(&keys).expect("a list of strings is JSON");
        tx!(self.db, |tx| {
            self.changes(tx);
            tx.execute(&REMOVE, (entity.id.as_str(), list.as_str())).await?;
            Ok(())
        })
    }
}

async fn still_there(tx: &mut Tx, entity: &Entity) -> Result<(), Error> {
    match entity::find_by_id(tx, &entity.id).await? {
        Some(_) => Ok(()),
        None => Err(Error::NoSuchEntity { kind: entity.kind, name: entity.name.clone() }),
    }
}

/// Refuses tags that would be too many together with those that are there.
async fn check_room(tx: &mut Tx, entity: &Entity, tags: &[Tag]) -> Result<(), Error> {
    let present = tx.all::<(String,)>(&KEYS, (entity.id.as_str(),)).await?;
    let mut keys: HashSet<String> = present.into_iter().map(|(key,)| key).collect();
    keys.extend(tags.iter().map(|tag| fold(entity.kind, &tag.key)));
    check_count(entity.kind, keys.len())
}

fn check_count(kind: Kind, count: usize) -> Result<(), Error> {
    match i64::try_from(count) {
        Ok(count) if count <= limit::TAGS => Ok(()),
        _ => Err(quota(&format!("TagsPer{}", kind.title()), limit::TAGS)),
    }
}

/// Writes tags that have been checked.
pub(crate) async fn set(tx: &mut Tx, entity: &Entity, tags: &[Tag]) -> Result<(), Error> {
    for tag in tags {
        let folded = fold(entity.kind, &tag.key);
        let values = (entity.id.as_str(), folded, tag.key.as_str(), tag.value.as_str());
        tx.execute(&SET, values).await?;
    }
    Ok(())
}

/// Keys of letters, digits, blanks and `_.:/=+-@`, each once, not beginning with `aws:`; at most
/// [`limit::TAGS`].
pub(crate) fn check(kind: Kind, tags: &[Tag]) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for Tag { key, value } in tags {
        if key.is_empty() || !key.chars().chain(value.chars()).all(is_allowed) {
            return Err(Error::InvalidInput(format!(
                "The tag '{}' has characters that a tag cannot have: letters, digits, blanks and _.:/=+-@ are allowed",
                key.escape_default()
            )));
        }
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(Error::InvalidInput(format!(
                "The tag key '{key}' begins with 'aws:', which is reserved"
            )));
        }
        if !seen.insert(fold(kind, key)) {
            return Err(Error::InvalidInput(twice(kind).to_owned()));
        }
    }
    check_count(kind, tags.len())
}

fn twice(kind: Kind) -> &'static str {
    match kind {
        Kind::Provider => "Duplicate tag keys found.",
        _ => "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    }
}

fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "_.:/=+-@".contains(character)
}

/// What keys of tags are compared by, and sorted.
#[must_use]
pub fn fold(kind: Kind, key: &str) -> String {
    match kind {
        Kind::Provider => key.to_owned(),
        _ => key.to_lowercase(),
    }
}
