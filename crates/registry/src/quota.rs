//! Quotas: how many things there may be, with ECR's defaults, and the refusal of one more.
//!
//! Counting costs as much as there is to count. So a count is remembered, and as long as there is
//! much room left nobody counts again. Everything is checked before anything is written.
//!
//! Source: "Amazon ECR service quotas", User Guide.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use moka::sync::Cache;
use wharf_db::{Tx, statement};
use wharf_oci::{Digest, Tag};

use crate::{Error, Registry, RegistryId, Repository};

/// The most there may be of each.
#[derive(Clone, Debug)]
pub struct Quotas {
    /// Repositories in a registry: an account in a Region.
    pub repositories: i64,
    /// Images in a repository, those without a tag included.
    pub images: i64,
    /// Tags on an image.
    pub tags: i64,
    /// Parts of one layer that comes by UploadLayerPart.
    pub layer_parts: i64,
    /// Bytes of a layer.
    pub layer_size: u64,
}

impl Default for Quotas {
    fn default() -> Quotas {
        Quotas {
            repositories: 100_000,
            images: 100_000,
            tags: 1000,
            layer_parts: 4200,
            layer_size: 52_000 * 1024 * 1024,
        }
    }
}

statement! {
    REPOSITORIES = "SELECT COUNT(*) FROM
                    (SELECT 1 FROM repositories WHERE account_id = $1 AND region = $2 LIMIT $3) AS counted";
    IMAGES = "SELECT COUNT(*) FROM
              (SELECT 1 FROM images WHERE repository_id = $1 LIMIT $2) AS counted";
    IMAGE = "SELECT digest FROM images WHERE repository_id = $1 AND digest = $2";
    OTHER_TAGS = "SELECT COUNT(*) FROM tags WHERE repository_id = $1 AND digest = $2
                      AND tag NOT IN (SELECT value FROM json_each($3))";
}

/// Refuses one repository more when the registry has its most.
pub(crate) async fn check_repositories(
    registry: &Registry,
    tx: &mut Tx,
    id: &RegistryId,
) -> Result<(), Error> {
    let most = registry.settings.quotas.repositories;
    let key = format!("{}/{}", id.account, id.region);
    if registry.counts.has_room(registry, tx, &key, most) {
        return Ok(());
    }
    let values = (id.account.as_str(), id.region.as_str(), most);
    let count = first(tx.optional(&REPOSITORIES, values).await?);
    registry.counts.remember(registry, tx, key, count + 1);
    if count < most {
        return Ok(());
    }
    let account = &id.account;
    Err(Error::LimitExceeded(format!(
        "The registry with id '{account}' already has the maximum allowed number of repositories which is '{most}'"
    )))
}

/// Refuses an image that is not there yet when the repository has its most.
pub(crate) async fn check_images(
    registry: &Registry,
    tx: &mut Tx,
    repository: &Repository,
    digest: &Digest,
) -> Result<(), Error> {
    let (id, most) = (&**repository.id(), registry.settings.quotas.images);
    if registry.counts.has_room(registry, tx, id, most) {
        return Ok(());
    }
    if tx.optional::<(String,)>(&IMAGE, (id, digest.as_str())).await?.is_some() {
        return Ok(());
    }
    let count = first(tx.optional(&IMAGES, (id, most)).await?);
    registry.counts.remember(registry, tx, id.to_owned(), count + 1);
    if count < most {
        return Ok(());
    }
    let (name, account) = (repository.name(), &repository.registry().account);
    Err(Error::LimitExceeded(format!(
        "The repository with name '{name}' in registry with id '{account}' already has the maximum allowed number of images which is '{most}'"
    )))
}

/// Refuses tags that are too many for the image.
pub(crate) async fn check_tags(
    registry: &Registry,
    tx: &mut Tx,
    repository: &Repository,
    digest: &Digest,
    tags: &[Tag],
) -> Result<(), Error> {
    let most = registry.settings.quotas.tags;
    let Some(tag) = tags.last() else { return Ok(()) };
    let named: BTreeSet<&str> = tags.iter().map(Tag::as_str).collect();
    let list = serde_json::to_string(&named).expect("a list of strings is JSON");
    let values = (&**repository.id(), digest.as_str(), list);
    let others = first(tx.optional(&OTHER_TAGS, values).await?);
    if others + (named.len() as i64) <= most {
        return Ok(());
    }
    let (name, account) = (repository.name(), &repository.registry().account);
    Err(Error::LimitExceeded(format!(
        "Adding tag '{tag}' to an image in the repository with name '{name}' in registry with id '{account}' exceeds the maximum allowed number of tags per image which is '{most}'"
    )))
}

fn first(row: Option<(i64,)>) -> i64 {
    row.map_or(0, |(count,)| count)
}

/// What was counted lately, by the repository's id or the registry's name.
pub(crate) struct Counts {
    known: Cache<String, Arc<Count>>,
    /// Whether nobody else writes.
    exclusive: bool,
}

struct Count {
    /// The last count, and what this process added since. Others may have added too.
    count: AtomicI64,
    counted_at: i64,
}

/// How long a count is relied on where others write too, in milliseconds.
const RELIED_ON: i64 = 10_000;
/// How much must be free at least, or everybody counts: requests under way are not counted yet.
const SPARE: i64 = 100;
/// How many counts are remembered.
const REMEMBERED: u64 = 10_000;

impl Counts {
    pub(crate) fn new(exclusive: bool) -> Counts {
        Counts { known: Cache::new(REMEMBERED), exclusive }
    }

    /// Whether so much is free that nobody needs to count. Where others write too, that is more than
    /// a hundredth of the quota, seen a moment ago: they can hardly have filled it since. Counts one
    /// more if `tx` is committed: rather too many than too few.
    fn has_room(&self, registry: &Registry, tx: &mut Tx, key: &str, most: i64) -> bool {
        let Some(known) = self.known.get(key) else { return false };
        let is_new = self.exclusive || registry.now() - known.counted_at < RELIED_ON;
        let spare = if self.exclusive { SPARE } else { SPARE.max(most / 100) };
        let count = known.count.load(Ordering::Relaxed);
        let has_room = is_new && count.saturating_add(spare) < most;
        if has_room {
            tx.after_commit(move || _ = known.count.fetch_add(1, Ordering::Relaxed));
        }
        has_room
    }

    fn remember(&self, registry: &Registry, tx: &mut Tx, key: String, count: i64) {
        let known = Count { count: count.into(), counted_at: registry.now() };
        let counts = self.known.clone();
        tx.after_commit(move || counts.insert(key, Arc::new(known)));
    }
}
