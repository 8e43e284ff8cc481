//! Tags: names that point to one image each.

use wharf_db::{Cached, statement, tx};
use wharf_oci::{Digest, Tag};

use crate::{Error, Registry, Repository};

statement! {
    RESOLVE = "SELECT digest FROM tags WHERE repository_id = $1 AND tag = $2";
    // One row for the page: a thousand of them would cost more than finding them.
    PAGE = "SELECT string_agg(page.tag, ',' ORDER BY page.tag) FROM
            (SELECT tag FROM tags WHERE repository_id = $1 AND tag > $2 ORDER BY tag LIMIT $3) AS page";
    DELETE = "DELETE FROM tags WHERE repository_id = $1 AND tag = $2";
}

/// The image that `tag` points to, if it is set.
pub async fn resolve(
    registry: &Registry,
    repository: &Repository,
    tag: &Tag,
) -> Result<Option<Digest>, Error> {
    let key = (repository.id().clone(), tag.clone());
    let epoch = registry.remembered.contents.current(&key.0).await;
    let cached = registry.remembered.tags.get(&key);
    if let Some(digest) = cached.and_then(|cached| cached.fresh(epoch)) {
        return Ok(Some(digest));
    }
    let found = registry.db.optional::<(String,)>(&RESOLVE, (&*key.0, tag.as_str())).await?;
    let Some((digest,)) = found else { return Ok(None) };
    let digest: Digest = digest.parse().map_err(Error::fault)?;
    if let Some(epoch) = epoch {
        registry.remembered.tags.insert(key, Cached { epoch, value: digest.clone() });
    }
    Ok(Some(digest))
}

/// Up to `limit` tags that follow `after`, in byte order.
pub async fn list(
    registry: &Registry,
    repository: &Repository,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, Error> {
    let values = (&**repository.id(), after, limit);
    let page = registry.db.optional::<(Option<String>,)>(&PAGE, values).await?;
    // No tag contains a comma.
    let tags = page.and_then(|(tags,)| tags).unwrap_or_default();
    Ok(tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect())
}

/// Removes the tag and nothing else; the image stays, as the distribution specification asks.
/// Whether it was there.
pub async fn delete(
    registry: &Registry,
    repository: &Repository,
    tag: &Tag,
) -> Result<bool, Error> {
    let id = repository.id();
    let deleted = tx!(registry.db, |tx| {
        registry.changes(tx, id);
        tx.execute(&DELETE, (&**id, tag.as_str())).await.map_err(Error::from)
    })?;
    Ok(deleted > 0)
}
