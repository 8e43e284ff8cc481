//! Pulling manifests: the bytes exactly as they were pushed.

use std::sync::Arc;

use bytes::Bytes;
use wharf_db::{Cached, statement};
use wharf_oci::{Digest, Reference};

use crate::{Error, Registry, Repository, tag};

/// A stored manifest.
pub struct Stored {
    pub digest: Digest,
    /// The type it was pushed under, and the only one it is served under.
    pub media_type: String,
    pub bytes: Bytes,
}

statement!(
    FIND = "SELECT media_type, manifest FROM images WHERE repository_id = $1 AND digest = $2"
);

/// The manifest that `reference` names, if it is there; [`Error::Damaged`] when its stored bytes are
/// not what its digest says. Does not count as a pull; see
/// [`Registry::pulled`].
pub async fn manifest(
    registry: &Registry,
    repository: &Repository,
    reference: &Reference,
) -> Result<Option<Arc<Stored>>, Error> {
    match reference {
        Reference::Digest(digest) => by_digest(registry, repository, digest).await,
        Reference::Tag(tag) => match tag::resolve(registry, repository, tag).await? {
            Some(digest) => by_digest(registry, repository, &digest).await,
            None => Ok(None),
        },
    }
}

async fn by_digest(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
) -> Result<Option<Arc<Stored>>, Error> {
    let key = (repository.id().clone(), digest.clone());
    let epoch = registry.remembered.contents.current(&key.0).await;
    let cached = registry.remembered.manifests.get(&key);
    if let Some(stored) = cached.and_then(|cached| cached.fresh(epoch)) {
        return Ok(Some(stored));
    }
    let values = (&*key.0, digest.as_str());
    let found = registry.db.optional::<(String, Vec<u8>)>(&FIND, values).await?;
    let Some((media_type, bytes)) = found else { return Ok(None) };
    if Digest::of(digest.algorithm(), &bytes) != *digest {
        tracing::error!(%digest, repository = %repository.name(), "a manifest is damaged");
        return Err(Error::Damaged { digest: digest.clone() });
    }
    let stored = Arc::new(Stored { digest: digest.clone(), media_type, bytes: bytes.into() });
    if let Some(epoch) = epoch {
        registry.remembered.manifests.insert(key, Cached { epoch, value: stored.clone() });
    }
    Ok(Some(stored))
}
