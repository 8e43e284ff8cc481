//! Manifests: their bytes against their digest, and what they name against the rows that keep it.

use std::collections::BTreeSet;

use wharf_db::{statement, tx};
use wharf_oci::{Descriptor, Digest, Manifest};

use super::{Check, Flaw};
use crate::Error;

/// Repository and digest of the image that was looked at last; empty at the beginning.
#[derive(Clone, Default, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Position(String, String);

/// Rows read at a time; each may have 4 MiB.
const PAGE: i64 = 8;

struct Image {
    repository: String,
    /// The name of the repository.
    name: String,
    digest: String,
    media_type: String,
    manifest: Vec<u8>,
}

statement! {
    PAGE_OF_IMAGES = "SELECT i.repository_id, r.name, i.digest, i.media_type, i.manifest
                      FROM images i JOIN repositories r ON r.id = i.repository_id
                      WHERE (i.repository_id, i.digest) > ($1, $2) AND ($3 = '' OR r.id = $3)
                      ORDER BY i.repository_id, i.digest LIMIT $4";
    NOW = "SELECT digest FROM images WHERE repository_id = $1 AND digest = $2";
    REFERENCES = "SELECT child FROM image_references WHERE repository_id = $1 AND parent = $2";
    REFER = "INSERT INTO image_references (repository_id, parent, child, media_type, is_image)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    UNHELD = "SELECT r.child FROM image_references r
              WHERE r.repository_id = $1 AND r.parent = $2 AND r.is_image = 0 AND NOT EXISTS
                  (SELECT 1 FROM blob_links l
                   WHERE l.repository_id = r.repository_id AND l.digest = r.child)";
    CHILDLESS = "SELECT r.child FROM image_references r
                 WHERE r.repository_id = $1 AND r.parent = $2 AND r.is_image = 1 AND NOT EXISTS
                     (SELECT 1 FROM images i
                      WHERE i.repository_id = r.repository_id AND i.digest = r.child)";
    HOLD = "INSERT INTO blob_links (repository_id, digest, blob_id, linked_at, used_at)
            SELECT $1, b.digest, b.id, $3, $3 FROM blobs b
            WHERE b.digest = $2 AND b.condemned_at IS NULL ON CONFLICT DO NOTHING";
}

impl Check<'_> {
    /// Looks at the next images; false when there is none.
    pub(crate) async fn some_images(&mut self, position: &mut Position) -> Result<bool, Error> {
        let values = (position.0.as_str(), position.1.as_str(), self.repository.as_str(), PAGE);
        type Row = (String, String, String, String, Vec<u8>);
        let page = self.registry.db.all::<Row>(&PAGE_OF_IMAGES, values).await?;
        let is_over = page.is_empty();
        for (repository, name, digest, media_type, manifest) in page {
            *position = Position(repository.clone(), digest.clone());
            self.image(Image { repository, name, digest, media_type, manifest }).await?;
        }
        Ok(!is_over)
    }

    async fn image(&mut self, image: Image) -> Result<(), Error> {
        self.report.images += 1;
        let digest: Digest = image.digest.parse().map_err(Error::fault)?;
        let found = Digest::of(digest.algorithm(), &image.manifest);
        if found != digest {
            if self.is_there(&image).await? {
                let detail = format!("in {}: its bytes have the digest {found}", image.name);
                self.found(Flaw::ManifestCorrupt, &image.digest, detail, false);
            }
            return Ok(());
        }
        self.references(&image).await?;
        self.layers(&image).await?;
        self.children(&image).await
    }

    async fn is_there(&self, image: &Image) -> Result<bool, Error> {
        let values = (image.repository.as_str(), image.digest.as_str());
        Ok(self.registry.db.optional::<(String,)>(&NOW, values).await?.is_some())
    }

    /// Each name in the manifest has its row, which keeps the sweep away from what is named.
    async fn references(&mut self, image: &Image) -> Result<(), Error> {
        let Some(named) = named(image).await else { return Ok(()) };
        let values = (image.repository.as_str(), image.digest.as_str());
        let rows = self.registry.db.all::<(String,)>(&REFERENCES, values).await?;
        let rows: BTreeSet<String> = rows.into_iter().map(|(child,)| child).collect();
        for (child, media_type, is_image) in named {
            if rows.contains(&child) || !self.is_there(image).await? {
                continue;
            }
            if self.repair {
                let values = (
                    image.repository.as_str(),
                    image.digest.as_str(),
                    child.as_str(),
                    media_type.as_str(),
                    is_image,
                );
                tx!(self.registry.db, |tx| tx.execute(&REFER, values).await)?;
            }
            let detail = format!("in {}: {child} is not entered", image.name);
            self.found(Flaw::ReferenceMissing, &image.digest, detail, self.repair);
        }
        Ok(())
    }

    async fn layers(&mut self, image: &Image) -> Result<(), Error> {
        let (registry, repository) = (self.registry, image.repository.as_str());
        let values = (repository, image.digest.as_str());
        for (layer,) in registry.db.all::<(String,)>(&UNHELD, values).await? {
            let mut repaired = false;
            if self.repair {
                let (id, values) =
                    (repository.into(), (repository, layer.as_str(), registry.now()));
                repaired = tx!(registry.db, |tx| {
                    registry.changes(tx, &id);
                    tx.execute(&HOLD, values).await
                })? == 1;
            }
            let detail = format!("in {}: needed by {}", image.name, image.digest);
            self.found(Flaw::LayerMissing, &layer, detail, repaired);
        }
        Ok(())
    }

    async fn children(&mut self, image: &Image) -> Result<(), Error> {
        let values = (image.repository.as_str(), image.digest.as_str());
        for (child,) in self.registry.db.all::<(String,)>(&CHILDLESS, values).await? {
            let detail = format!("in {}: named by {}", image.name, image.digest);
            self.found(Flaw::ChildMissing, &child, detail, false);
        }
        Ok(())
    }
}

/// What the manifest names: digest, media type, and whether it is an image. None when it cannot be
/// read: it was taken under the rules of its day, and its bytes are intact.
async fn named(image: &Image) -> Option<Vec<(String, String, bool)>> {
    let (bytes, media_type) = (image.manifest.clone(), image.media_type.clone());
    // A hostile manifest of 4 MiB keeps a core busy for a second.
    let parsed = tokio::task::spawn_blocking(move || Manifest::parse(&bytes, Some(&media_type)));
    let manifest = parsed.await.ok()?.ok()?;
    let row = |named: &Descriptor, is_image| {
        (named.digest.to_string(), named.media_type.to_string(), is_image)
    };
    let blobs = manifest.required_blobs().into_iter().map(|blob| row(blob, false));
    let children = manifest.children().iter().map(|child| row(child, true));
    Some(blobs.chain(children).collect())
}
