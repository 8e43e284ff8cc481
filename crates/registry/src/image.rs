//! Images as ECR lists, describes and deletes them.

use std::collections::HashMap;

use wharf_db::{Tx, statement, tx};
use wharf_oci::{Digest, Tag};
use wharf_policy::{Fact, Facts};

use crate::{Error, Registry, Repository};

/// What is known of an image without its bytes.
#[derive(Clone, Debug)]
pub struct Image {
    pub digest: String,
    /// In byte order; empty for an untagged image.
    pub tags: Vec<String>,
    /// Layers and config, compressed, in bytes; for an index its largest child.
    pub size: i64,
    pub media_type: String,
    pub artifact_media_type: Option<String>,
    pub subject: Option<String>,
    /// Milliseconds since 1970.
    pub pushed_at: i64,
    /// Milliseconds since 1970; None while it was never pulled.
    pub pulled_at: Option<i64>,
}

/// Which images a list is to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TagStatus {
    Tagged,
    Untagged,
    #[default]
    Any,
}

/// A digest, and the tag under which it is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub digest: String,
    pub tag: Option<String>,
}

/// What to delete.
#[derive(Clone, Debug)]
pub enum Which {
    /// This tag; the image too if it was its last.
    Tag(Tag),
    /// The image with all its tags.
    Digest(Digest),
    /// This tag, provided that it is on this image; the image stays.
    Both(Digest, Tag),
}

/// Why one image of several was not deleted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kept {
    NotFound,
    TagIsOnAnotherImage,
    /// By these indexes.
    Referenced(Vec<String>),
}

statement! {
    FIND = "SELECT digest, size, media_type, artifact_media_type, subject, pushed_at, pulled_at
            FROM images WHERE repository_id = $1 AND digest = $2";
    // The limit keeps PostgreSQL from gathering all tags, as it does for EXISTS.
    PAGE = "SELECT i.digest, i.size, i.media_type, i.artifact_media_type, i.subject, i.pushed_at,
                i.pulled_at
            FROM images i WHERE i.repository_id = $1 AND i.digest > $2 AND ($3 = 'ANY' OR
                ((SELECT t.tag FROM tags t WHERE t.repository_id = i.repository_id
                  AND t.digest = i.digest LIMIT 1) IS NOT NULL) = ($3 = 'TAGGED'))
            ORDER BY i.digest LIMIT $4";
    // A range, for a page is one: given a list, PostgreSQL reads all tags of the repository.
    TAGS_OF = "SELECT digest, tag FROM tags WHERE repository_id = $1
               AND digest >= $2 AND digest <= $3 ORDER BY digest, tag";
    ENTRIES = "SELECT i.digest, t.tag FROM images i LEFT JOIN tags t
                   ON t.repository_id = i.repository_id AND t.digest = i.digest
               WHERE i.repository_id = $1 AND i.digest >= $2
                   AND (i.digest > $2 OR COALESCE(t.tag, '') > $3)
                   AND ($4 = 'ANY' OR (t.tag IS NOT NULL) = ($4 = 'TAGGED'))
               ORDER BY i.digest, t.tag LIMIT $5";
    RESOLVE = "SELECT digest FROM tags WHERE repository_id = $1 AND tag = $2";
    TAGS_ON = "SELECT tag FROM tags WHERE repository_id = $1 AND digest = $2 ORDER BY tag";
    EXISTS = "SELECT digest FROM images WHERE repository_id = $1 AND digest = $2";
    PARENTS = "SELECT parent FROM image_references
               WHERE repository_id = $1 AND child = $2 AND is_image = 1 ORDER BY parent";
    UNTAG = "DELETE FROM tags WHERE repository_id = $1 AND tag = $2";
    DELETE = "DELETE FROM images WHERE repository_id = $1 AND digest = $2";
}

/// What conditions can ask of a request that names an image so: `ecr:ImageTag` and
/// `ecr:ImageDigest`, which are extensions of ours. They hold what is named, not what the image has
/// besides: an image that is named by its digest has no tag here.
#[must_use]
pub fn facts(tag: Option<&str>, digest: Option<&str>) -> Facts {
    let fact = |key: &str, value: Option<&str>| {
        value.map(|value| (key.to_owned(), Fact::One(value.to_owned())))
    };
    fact("ecr:ImageTag", tag).into_iter().chain(fact("ecr:ImageDigest", digest)).collect()
}

impl TagStatus {
    fn as_str(self) -> &'static str {
        match self {
            TagStatus::Tagged => "TAGGED",
            TagStatus::Untagged => "UNTAGGED",
            TagStatus::Any => "ANY",
        }
    }
}

/// The image with this digest.
pub async fn find(
    registry: &Registry,
    repository: &Repository,
    digest: &str,
) -> Result<Option<Image>, Error> {
    let values = (&**repository.id(), digest);
    let row = registry.db.optional::<Columns>(&FIND, values).await?;
    let mut images = with_tags(registry, repository, row.into_iter().collect()).await?;
    Ok(images.pop())
}

/// Up to `limit` images whose digests follow `after`.
pub async fn page(
    registry: &Registry,
    repository: &Repository,
    status: TagStatus,
    after: &str,
    limit: i64,
) -> Result<Vec<Image>, Error> {
    let values = (&**repository.id(), after, status.as_str(), limit);
    let rows = registry.db.all::<Columns>(&PAGE, values).await?;
    match status {
        // Between untagged images there may be any number of tagged ones.
        TagStatus::Untagged => Ok(rows.into_iter().map(|row| image(row, Vec::new())).collect()),
        TagStatus::Tagged | TagStatus::Any => with_tags(registry, repository, rows).await,
    }
}

/// Up to `limit` entries that follow `after`: one for each tag, and one for each untagged image.
pub async fn entries(
    registry: &Registry,
    repository: &Repository,
    status: TagStatus,
    after: &Entry,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let after_tag = after.tag.as_deref().unwrap_or("");
    let values = (&**repository.id(), after.digest.as_str(), after_tag, status.as_str(), limit);
    let rows = registry.db.all::<(String, Option<String>)>(&ENTRIES, values).await?;
    Ok(rows.into_iter().map(|(digest, tag)| Entry { digest, tag }).collect())
}

/// The tags of an image: what goes with it when it is deleted by its digest.
pub(crate) async fn tags_on(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
) -> Result<Vec<String>, Error> {
    let values = (&**repository.id(), digest.as_str());
    let rows = registry.db.all::<(String,)>(&TAGS_ON, values).await?;
    Ok(rows.into_iter().map(|(tag,)| tag).collect())
}

/// Deletes one after the other in one transaction; for each the entries that are gone, or why it
/// was kept.
pub async fn delete(
    registry: &Registry,
    repository: &Repository,
    which: &[Which],
) -> Result<Vec<Result<Vec<Entry>, Kept>>, Error> {
    tx!(registry.db, |tx| {
        registry.changes(tx, repository.id());
        let mut outcomes = Vec::with_capacity(which.len());
        for one in which {
            outcomes.push(delete_one(tx, repository, one).await?);
        }
        Ok(outcomes)
    })
}

async fn delete_one(
    tx: &mut Tx,
    repository: &Repository,
    which: &Which,
) -> Result<Result<Vec<Entry>, Kept>, Error> {
    let id = &**repository.id();
    let (digest, tag) = match which {
        Which::Digest(digest) => return delete_image(tx, id, digest.as_str()).await,
        Which::Tag(tag) => (None, tag),
        Which::Both(digest, tag) => (Some(digest), tag),
    };
    let Some((found,)) = tx.optional::<(String,)>(&RESOLVE, (id, tag.as_str())).await? else {
        return Ok(Err(Kept::NotFound));
    };
    if digest.is_some_and(|digest| digest.as_str() != found) {
        return Ok(Err(Kept::TagIsOnAnotherImage));
    }
    let on_image = tx.all::<(String,)>(&TAGS_ON, (id, found.as_str())).await?;
    if digest.is_none() && on_image.len() == 1 {
        return delete_image(tx, id, &found).await;
    }
    tx.execute(&UNTAG, (id, tag.as_str())).await?;
    Ok(Ok(vec![Entry { digest: found, tag: Some(tag.to_string()) }]))
}

async fn delete_image(
    tx: &mut Tx,
    id: &str,
    digest: &str,
) -> Result<Result<Vec<Entry>, Kept>, Error> {
    if tx.optional::<(String,)>(&EXISTS, (id, digest)).await?.is_none() {
        return Ok(Err(Kept::NotFound));
    }
    let parents = tx.all::<(String,)>(&PARENTS, (id, digest)).await?;
    if !parents.is_empty() {
        return Ok(Err(Kept::Referenced(parents.into_iter().map(|(parent,)| parent).collect())));
    }
    let tags = tx.all::<(String,)>(&TAGS_ON, (id, digest)).await?;
    tx.execute(&DELETE, (id, digest)).await?;
    let entry = |tag| Entry { digest: digest.to_owned(), tag };
    Ok(Ok(match tags.len() {
        0 => vec![entry(None)],
        _ => tags.into_iter().map(|(tag,)| entry(Some(tag))).collect(),
    }))
}

type Columns = (String, i64, String, Option<String>, Option<String>, i64, Option<i64>);

/// `rows` are in the order of their digests. A page of tagged images leaves out untagged ones alone,
/// so the tags from its first digest to its last are its own.
async fn with_tags(
    registry: &Registry,
    repository: &Repository,
    rows: Vec<Columns>,
) -> Result<Vec<Image>, Error> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
    let mut tags: HashMap<String, Vec<String>> = HashMap::new();
    let values = (&**repository.id(), first.0.as_str(), last.0.as_str());
    for (digest, tag) in registry.db.all::<(String, String)>(&TAGS_OF, values).await? {
        tags.entry(digest).or_default().push(tag);
    }
    let tagged = |row: Columns| {
        let tags = tags.remove(&row.0).unwrap_or_default();
        image(row, tags)
    };
    Ok(rows.into_iter().map(tagged).collect())
}

fn image(row: Columns, tags: Vec<String>) -> Image {
    let (digest, size, media_type, artifact_media_type, subject, pushed_at, pulled_at) = row;
    Image { digest, tags, size, media_type, artifact_media_type, subject, pushed_at, pulled_at }
}
