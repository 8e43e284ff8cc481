//! Pushing manifests: what PutImage and `PUT /v2/…/manifests/…` both do, in one transaction.

use std::collections::BTreeMap;

use bytes::Bytes;
use wharf_db::{Tx, statement, tx};
use wharf_oci::{
    Algorithm, Descriptor, Digest, Kind, MAX_MANIFEST_BYTES, Manifest, Reference, Tag,
};

use crate::{Error, Registry, Repository, mutability, pull, quota, tag};

/// A manifest to push.
pub struct Push<'a> {
    /// The exact bytes; they are stored and served as they are.
    pub bytes: Bytes,
    /// The type that the caller declared, if any.
    pub media_type: Option<&'a str>,
    /// The digest that the caller expects, if any.
    pub digest: Option<&'a Digest>,
    pub tags: &'a [Tag],
}

/// What came of it.
pub struct Pushed {
    pub digest: Digest,
    pub media_type: String,
    pub subject: Option<Digest>,
    /// False when the image and all its tags were there already.
    pub changed: bool,
}

/// Manifests above this size are parsed off the asynchronous threads: a hostile one of 4 MiB
/// keeps a core busy for a second.
const PARSE_INLINE: usize = 64 * 1024;

statement! {
    // Asked for each name, not by gathering all that the repository holds: it may hold much.
    MISSING_BLOBS = "SELECT j.value FROM json_each($2) AS j WHERE NOT EXISTS
                     (SELECT 1 FROM blob_links l WHERE l.repository_id = $1 AND l.digest = j.value)";
    MISSING_IMAGES = "SELECT j.value FROM json_each($2) AS j WHERE NOT EXISTS
                      (SELECT 1 FROM images i WHERE i.repository_id = $1 AND i.digest = j.value)";
    LARGEST = "SELECT COALESCE(MAX(size), 0) FROM images
               WHERE repository_id = $1 AND digest IN (SELECT value FROM json_each($2))";
    INSERT = "INSERT INTO images (repository_id, digest, media_type, artifact_media_type,
                  artifact_type, subject, annotations, size, manifest_size, pushed_at, manifest)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
              ON CONFLICT (repository_id, digest) DO UPDATE SET manifest = excluded.manifest
              WHERE images.manifest <> excluded.manifest";
    REFER = "INSERT INTO image_references (repository_id, parent, child, media_type, is_image)
             SELECT $1, $2, key, value, $4 FROM json_each($3) WHERE true ON CONFLICT DO NOTHING";
    FIND_TAG = "SELECT digest FROM tags WHERE repository_id = $1 AND tag = $2";
    SET_TAG = "INSERT INTO tags (repository_id, tag, digest) VALUES ($1, $2, $3)
               ON CONFLICT (repository_id, tag) DO UPDATE SET digest = excluded.digest
               WHERE tags.digest <> excluded.digest";
}

/// Stores the manifest and sets its tags, all or nothing. Everything that it names must be in this
/// repository: layers and config (except foreign layers) and, for an index, every child; a subject
/// may be missing.
pub async fn manifest(
    registry: &Registry,
    repository: &Repository,
    push: Push<'_>,
) -> Result<Pushed, Error> {
    if push.bytes.len() > MAX_MANIFEST_BYTES {
        return Err(Error::ManifestTooLarge);
    }
    let algorithm = push.digest.map_or(Algorithm::Sha256, Digest::algorithm);
    let digest = Digest::of(algorithm, &push.bytes);
    let manifest = parse(&push).await?;
    if push.digest.is_some_and(|expected| *expected != digest) {
        return Err(Error::ImageDigestDoesNotMatch {
            digest: push.digest.map(ToString::to_string).unwrap_or_default(),
            name: repository.name().clone(),
            account: repository.registry().account.clone(),
        });
    }
    let mut pushed = Pushed {
        subject: manifest.subject.as_ref().map(|subject| subject.digest.clone()),
        media_type: manifest.media_type.clone(),
        digest,
        changed: false,
    };
    if is_there(registry, repository, &pushed.digest, push.tags).await? {
        registry.db.settled().await;
        return Ok(pushed);
    }
    pushed.changed = store(registry, repository, &push, &manifest, &pushed.digest).await?;
    Ok(pushed)
}

async fn parse(push: &Push<'_>) -> Result<Manifest, Error> {
    if push.bytes.len() <= PARSE_INLINE {
        return Ok(Manifest::parse(&push.bytes, push.media_type)?);
    }
    let (bytes, media_type) = (push.bytes.clone(), push.media_type.map(str::to_owned));
    let parsed =
        tokio::task::spawn_blocking(move || Manifest::parse(&bytes, media_type.as_deref()));
    Ok(parsed.await.map_err(Error::fault)??)
}

/// Whether nothing is left to do. A tag that may not be moved is never "there": ECR refuses it even
/// when it points to this very image.
async fn is_there(
    registry: &Registry,
    repository: &Repository,
    digest: &Digest,
    tags: &[Tag],
) -> Result<bool, Error> {
    let reference = Reference::Digest(digest.clone());
    match pull::manifest(registry, repository, &reference).await {
        // What is damaged is to be replaced.
        Ok(None) | Err(Error::Damaged { .. }) => return Ok(false),
        Ok(Some(_)) => {}
        Err(error) => return Err(error),
    }
    for tag in tags {
        let fixed = repository.mutability().fixes(tag);
        if fixed || tag::resolve(registry, repository, tag).await?.as_ref() != Some(digest) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// True when anything changed.
async fn store(
    registry: &Registry,
    repository: &Repository,
    push: &Push<'_>,
    manifest: &Manifest,
    digest: &Digest,
) -> Result<bool, Error> {
    let blobs = References::of(manifest.required_blobs());
    let children = References::of(manifest.children());
    let now = registry.now();
    let result = tx!(registry.db, |tx| {
        registry.changes(tx, repository.id());
        check_tags(tx, repository, push.tags).await?;
        check_presence(tx, repository, &blobs, &children).await?;
        quota::check_images(registry, tx, repository, digest).await?;
        quota::check_tags(registry, tx, repository, digest, push.tags).await?;
        let size = size(tx, repository, manifest, &children).await?;
        let is_new = insert(tx, repository, push, manifest, digest, size, now).await?;
        if is_new {
            let lists = [(&blobs, false), (&children, true)];
            for (list, is_image) in lists.into_iter().filter(|(list, _)| !list.is_empty) {
                let id = &**repository.id();
                tx.execute(&REFER, (id, digest.as_str(), list.types.as_str(), is_image)).await?;
            }
        }
        let moved = set_tags(tx, repository, push.tags, digest).await?;
        Ok(is_new || moved)
    });
    result.map_err(|error| repository.gone_if_unlinked(error))
}

async fn check_presence(
    tx: &mut Tx,
    repository: &Repository,
    blobs: &References,
    children: &References,
) -> Result<(), Error> {
    let (name, account) = (repository.name().clone(), repository.registry().account.clone());
    let id = &**repository.id();
    if !blobs.is_empty {
        let missing = tx.all::<(String,)>(&MISSING_BLOBS, (id, blobs.digests.as_str())).await?;
        if !missing.is_empty() {
            return Err(Error::LayersNotFound { digests: firsts(missing), name, account });
        }
    }
    if !children.is_empty {
        let missing = tx.all::<(String,)>(&MISSING_IMAGES, (id, children.digests.as_str())).await?;
        if !missing.is_empty() {
            return Err(Error::ReferencedImagesNotFound {
                digests: firsts(missing),
                name,
                account,
            });
        }
    }
    Ok(())
}

/// ECR's image size: layers and config; for an index the size of its largest child.
async fn size(
    tx: &mut Tx,
    repository: &Repository,
    manifest: &Manifest,
    children: &References,
) -> Result<i64, Error> {
    if manifest.kind == Kind::Image {
        return Ok(i64::try_from(manifest.content_size()).unwrap_or(i64::MAX));
    }
    let values = (&**repository.id(), children.digests.as_str());
    let largest = tx.optional::<(i64,)>(&LARGEST, values).await?;
    Ok(largest.map_or(0, |(size,)| size))
}

async fn insert(
    tx: &mut Tx,
    repository: &Repository,
    push: &Push<'_>,
    manifest: &Manifest,
    digest: &Digest,
    size: i64,
    now: i64,
) -> Result<bool, Error> {
    let annotations = manifest
        .annotations
        .as_ref()
        .map(|annotations| serde_json::to_string(annotations).expect("a map of strings is JSON"));
    let subject = manifest.subject.as_ref().map(|subject| subject.digest.as_str());
    let values = (
        &**repository.id(),
        digest.as_str(),
        manifest.media_type.as_str(),
        manifest.artifact_media_type(),
        manifest.referrer_artifact_type(),
        subject,
        annotations.filter(|_| subject.is_some()),
        size,
        push.bytes.len() as i64,
        now,
        &push.bytes[..],
    );
    Ok(tx.execute(&INSERT, values).await? == 1)
}

/// Refuses to move a tag that may not be moved. Before anything is written, so that a refusal
/// leaves nothing to take back.
async fn check_tags(tx: &mut Tx, repository: &Repository, tags: &[Tag]) -> Result<(), Error> {
    if tags.is_empty() {
        return Ok(());
    }
    let rule = mutability::current(tx, repository).await?;
    for tag in tags.iter().filter(|tag| rule.fixes(tag)) {
        let values = (&**repository.id(), tag.as_str());
        if tx.optional::<(String,)>(&FIND_TAG, values).await?.is_some() {
            let name = repository.name().clone();
            return Err(Error::ImageTagAlreadyExists { tag: tag.clone(), name });
        }
    }
    Ok(())
}

/// Sets every tag; true when one of them was not on this image before.
async fn set_tags(
    tx: &mut Tx,
    repository: &Repository,
    tags: &[Tag],
    digest: &Digest,
) -> Result<bool, Error> {
    let id = &**repository.id();
    let mut moved = false;
    for tag in tags {
        moved |= tx.execute(&SET_TAG, (id, tag.as_str(), digest.as_str())).await? == 1;
    }
    Ok(moved)
}

/// What a manifest names, as the JSON texts that the statements take apart.
struct References {
    is_empty: bool,
    /// A list of digests.
    digests: String,
    /// The media type of each digest.
    types: String,
}

impl References {
    fn of<'d>(named: impl IntoIterator<Item = &'d Descriptor>) -> References {
        let types: BTreeMap<&str, &str> = named
            .into_iter()
            .map(|named| (named.digest.as_str(), named.media_type.as_str()))
            .collect();
        let digests: Vec<&str> = types.keys().copied().collect();
        let text = |value: serde_json::Result<String>| value.expect("strings are JSON");
        References {
            is_empty: types.is_empty(),
            digests: text(serde_json::to_string(&digests)),
            types: text(serde_json::to_string(&types)),
        }
    }
}

fn firsts(rows: Vec<(String,)>) -> Vec<String> {
    rows.into_iter().map(|(first,)| first).collect()
}
