//! Layers: a repository's right to bytes in the store. Config blobs are layers here, as in ECR.
//!
//! Bytes are kept once per deployment; a link row gives a repository access. Without the link the
//! layer is not there, whatever digest the caller knows.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use wharf_blobs::{Content, Object};
use wharf_db::{Cached, Durability, statement, tx};
use wharf_oci::Digest;
use wharf_policy::{Action, Requester};

use crate::setting::{self, Setting};
use crate::{Ask, Error, Registry, Repository};

/// A layer that a repository holds.
#[derive(Clone)]
pub struct Layer {
    /// In bytes.
    pub size: u64,
    digest: Digest,
    blob_id: Arc<str>,
    /// None where the bytes are in the row.
    object: Option<Object>,
    /// Milliseconds since 1970.
    pub(crate) linked_at: i64,
    used_at: i64,
}

impl Layer {
    fn damaged(&self) -> Error {
        tracing::error!(digest = %self.digest, object = ?self.object, "a layer is damaged");
        Error::Damaged { digest: self.digest.clone() }
    }
}

/// How long a layer can be fetched from an address that the store signed. The quarantine of removed
/// blobs is longer.
const ADDRESS_LIFETIME: Duration = Duration::from_secs(20 * 60);

/// How many repositories are tried as the source of a mount that names none.
const SOURCES: i64 = 20;

statement! {
    FIND = "SELECT b.size, b.id, b.object, l.linked_at, l.used_at FROM blob_links l JOIN blobs b ON b.id = l.blob_id
            WHERE l.repository_id = $1 AND l.digest = $2";
    USE = "UPDATE blob_links SET used_at = $3 WHERE repository_id = $1 AND digest = $2";
    CONTENT = "SELECT content FROM blobs WHERE id = $1";
    REFERENCED = "SELECT parent FROM image_references
                  WHERE repository_id = $1 AND child = $2 ORDER BY parent LIMIT 1";
    MEDIA_TYPE = "SELECT media_type FROM image_references
                  WHERE repository_id = $1 AND child = $2 AND is_image = 0 LIMIT 1";
    UNLINK = "DELETE FROM blob_links WHERE repository_id = $1 AND digest = $2";
    HOLDERS = "SELECT r.name FROM blobs b JOIN blob_links l ON l.blob_id = b.id
               JOIN repositories r ON r.id = l.repository_id
               WHERE b.digest = $1 AND b.condemned_at IS NULL
                   AND r.account_id = $2 AND r.region = $3 LIMIT $4";
    BLOB_OF = "SELECT blob_id FROM blob_links WHERE repository_id = $1 AND digest = $2";
    LINK = "INSERT INTO blob_links (repository_id, digest, blob_id, linked_at, used_at)
            VALUES ($1, $2, $3, $4, $4)
            ON CONFLICT (repository_id, digest)
            DO UPDATE SET blob_id = excluded.blob_id, used_at = excluded.used_at";
}

/// The layer with this digest, if the repository holds it.
pub async fn find(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
) -> Result<Option<Layer>, Error> {
    let key = (repository.id().clone(), digest.clone());
    let epoch = registry.remembered.contents.current(&key.0).await;
    let cached = registry.remembered.layers.get(&key);
    if let Some(layer) = cached.and_then(|cached| cached.fresh(epoch)) {
        return Ok(Some(layer));
    }
    let values = (&*key.0, digest.as_str());
    let Some((size, blob_id, object, linked_at, used_at)) =
        registry.db.optional::<(i64, String, Option<String>, i64, i64)>(&FIND, values).await?
    else {
        return Ok(None);
    };
    let object = object.map(|object| object.parse()).transpose().map_err(Error::fault)?;
    let (size, digest, blob_id) = (size as u64, digest.clone(), blob_id.into());
    let layer = Layer { size, digest, blob_id, object, linked_at, used_at };
    if let Some(epoch) = epoch {
        registry.remembered.layers.insert(key, Cached { epoch, value: layer.clone() });
    }
    Ok(Some(layer))
}

/// Whether the repository holds the layer, told to somebody who will rely on it: the layer then
/// stays for a grace, even if no image refers to it. One whose bytes are gone from the store is
/// told as absent, so that it is pushed again, which heals it.
pub async fn announce(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
) -> Result<Option<Layer>, Error> {
    let Some(found) = find(registry, repository, digest).await? else { return Ok(None) };
    if let Some(object) = &found.object
        && !registry.store.exists(object, found.size).await?
    {
        tracing::error!(%digest, %object, "the bytes of a layer are missing");
        return Ok(None);
    }
    let age = registry.now() - found.used_at;
    if age > registry.settings.grace.as_millis() as i64 / 4 && !registry.settings.read_only {
        return Ok(keep(registry, repository, digest).await?.then_some(found));
    }
    Ok(Some(found))
}

/// Lets the layer's grace begin anew. False when the sweep took it meanwhile: what it has not taken
/// by now, it spares.
async fn keep(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
) -> Result<bool, Error> {
    let now = registry.now();
    let kept = tx!(registry.db, Durability::Process, |tx| {
        registry.changes(tx, repository.id());
        let values = (&**repository.id(), digest.as_str(), now);
        tx.execute(&USE, values).await.map_err(Error::from)
    })?;
    Ok(kept == 1)
}

/// Where the bytes of a layer come from.
pub enum Source {
    Memory(Bytes),
    Store(Content),
}

/// Opens the bytes of a layer. [`Error::Damaged`] when they are gone, are too few or too many, or,
/// where they are in the row, are not what the digest says.
pub async fn open(registry: &Registry, layer: &Layer) -> Result<Source, Error> {
    let damaged = || layer.damaged();
    if let Some(object) = &layer.object {
        return match registry.store.open(object, layer.size).await {
            Ok(content) if content.size == layer.size => Ok(Source::Store(content)),
            Ok(_) | Err(wharf_blobs::Error::Missing) => Err(damaged()),
            Err(error) => Err(error.into()),
        };
    }
    let known = &registry.remembered.small_contents;
    if let Some(bytes) = known.get(&layer.blob_id) {
        return Ok(Source::Memory(bytes));
    }
    let row = registry.db.optional::<(Option<Vec<u8>>,)>(&CONTENT, (&*layer.blob_id,)).await?;
    let bytes = Bytes::from(row.and_then(|(content,)| content).ok_or_else(damaged)?);
    // Once for as long as they are remembered.
    if Digest::of(layer.digest.algorithm(), &bytes) != layer.digest {
        return Err(damaged());
    }
    known.insert(layer.blob_id.clone(), bytes.clone());
    Ok(Source::Memory(bytes))
}

/// The bytes of a part of a layer that lies in the store, once they are on their way.
/// [`Error::Damaged`] as [`open`] tells it, where the store is asked only now.
pub async fn read(
    layer: &Layer,
    content: &Content,
    part: Range<u64>,
) -> Result<impl Stream<Item = std::io::Result<Bytes>> + Send + use<>, Error> {
    content.begin(part).await.map_err(|error| match error {
        wharf_blobs::Error::Missing | wharf_blobs::Error::WrongSize { .. } => layer.damaged(),
        other => other.into(),
    })
}

/// Where the store itself gives the bytes of a layer to whoever asks, for a while; None where they
/// only come through here.
pub async fn address(registry: &Registry, layer: &Layer) -> Result<Option<String>, Error> {
    let Some(object) = &layer.object else { return Ok(None) };
    Ok(registry.store.signed_url(object, ADDRESS_LIFETIME).await?)
}

/// The layer, if it may be downloaded by its address: one that is in an image, or that was
/// uploaded within the grace.
pub async fn downloadable(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
) -> Result<Layer, Error> {
    let (name, account) = (repository.name().clone(), repository.registry().account.clone());
    let Some(layer) = find(registry, repository, digest).await? else {
        return Err(Error::LayerNotFound { digest: digest.clone(), name, account });
    };
    let age = registry.now() - layer.linked_at;
    if age > registry.settings.grace.as_millis() as i64 {
        let values = (&**repository.id(), digest.as_str());
        if registry.db.optional::<(String,)>(&REFERENCED, values).await?.is_none() {
            return Err(Error::LayerInaccessible { digest: digest.clone(), name, account });
        }
    }
    Ok(layer)
}

/// The media type that an image of the repository gives the layer, if one names it.
pub async fn media_type(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
) -> Result<Option<String>, Error> {
    let values = (&**repository.id(), digest.as_str());
    let named = registry.db.optional::<(String,)>(&MEDIA_TYPE, values).await?;
    Ok(named.map(|(media_type,)| media_type))
}

/// Takes the layer away from the repository, unless one of its images needs it.
pub async fn delete(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
) -> Result<(), Error> {
    let id = repository.id();
    let removed = tx!(registry.db, |tx| {
        let values = (&**id, digest.as_str());
        if tx.optional::<(String,)>(&REFERENCED, values).await?.is_some() {
            return Err(Error::LayerReferenced { digest: digest.clone() });
        }
        registry.changes(tx, id);
        Ok(tx.execute(&UNLINK, values).await?)
    })?;
    if removed == 0 {
        let (name, account) = (repository.name().clone(), repository.registry().account.clone());
        return Err(Error::LayerNotFound { digest: digest.clone(), name, account });
    }
    Ok(())
}

/// Gives `target` a layer that another repository of the same registry holds and `requester` may
/// read: the named one, or any. False when there is none such, for whatever reason.
pub async fn mount(
    registry: &Registry,
    requester: &Requester,
    target: &Repository,
    digest: &Digest,
    from: Option<&str>,
) -> Result<bool, Error> {
    let mounting = setting::get(registry, target.registry(), Setting::BlobMounting).await?;
    if mounting == "DISABLED" {
        return Ok(false);
    }
    let names = match from {
        Some(name) => vec![name.to_owned()],
        None => holders(registry, target, digest).await?,
    };
    let ask = Ask { requester, action: Action::GET_DOWNLOAD_URL_FOR_LAYER, facts: &[] };
    for name in names {
        match registry.repository(ask, target.registry(), &name).await {
            Ok(source) => {
                // Also tells whether the bytes are there.
                if announce(registry, &source, digest).await?.is_none() {
                    continue;
                }
                if link_from(registry, &source, target, digest).await? {
                    return Ok(true);
                }
            }
            Err(error) if error.is_fault() => return Err(error),
            // Not there or not readable: the caller learns neither, and uploads instead.
            Err(_) => {}
        }
    }
    Ok(false)
}

async fn holders(
    registry: &Registry,
    target: &Repository,
    digest: &Digest,
) -> Result<Vec<String>, Error> {
    let id = target.registry();
    let values = (digest.as_str(), id.account.as_str(), id.region.as_str(), SOURCES);
    let rows = registry.db.all::<(String,)>(&HOLDERS, values).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

async fn link_from(
    registry: &Registry,
    source: &Repository,
    target: &Repository,
    digest: &Digest,
) -> Result<bool, Error> {
    let now = registry.now();
    let linked = tx!(registry.db, |tx| {
        let held = (&**source.id(), digest.as_str());
        let Some((blob,)) = tx.optional::<(String,)>(&BLOB_OF, held).await? else {
            return Ok(false);
        };
        tx.execute(&LINK, (&**target.id(), digest.as_str(), blob, now)).await?;
        registry.changes(tx, target.id());
        Ok(true)
    });
    linked.map_err(|error: wharf_db::Error| match error.is_foreign_key_violation() {
        true => target.not_found(),
        false => error.into(),
    })
}
