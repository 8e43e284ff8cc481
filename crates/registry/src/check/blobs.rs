//! Layers and configs: their bytes, read from the store itself, against digest and size.
//!
//! The row of damaged bytes gets the name of an object that is nowhere: no replica then serves what it
//! has open, and the next push heals the row as it does for any object that is lost. A row of its own,
//! which is never due to be deleted, keeps the sweep away from the damaged bytes until they are in the
//! store's quarantine; where the store cannot move them, for good.

use std::io;
use std::pin::pin;

use bytes::Bytes;
use futures_util::StreamExt as _;
use uuid::Uuid;
use wharf_blobs::{Aside, Content, Object, Parts};
use wharf_db::{statement, tx};
use wharf_oci::{Digest, Hasher};

use super::{Check, Flaw, Progress};
use crate::Error;

/// The id of the blob that was looked at last; empty at the beginning.
#[derive(Clone, Default, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Position(String);

/// Rows read at a time.
const PAGE: i64 = 100;

/// A blob as its row says.
struct Blob {
    id: String,
    digest: Digest,
    size: u64,
    /// None where the bytes are in the row.
    object: Option<Object>,
}

statement! {
    PAGE_OF_ALL = "SELECT id, digest, size, object FROM blobs
                   WHERE id > $1 AND condemned_at IS NULL ORDER BY id LIMIT $2";
    PAGE_OF_ONE = "SELECT b.id, b.digest, b.size, b.object FROM blob_links l
                   JOIN blobs b ON b.id = l.blob_id
                   WHERE l.repository_id = $3 AND b.id > $1 ORDER BY b.id LIMIT $2";
    CONTENT = "SELECT content FROM blobs WHERE id = $1";
    NOW = "SELECT object FROM blobs WHERE id = $1 AND condemned_at IS NULL";
    HOLDERS = "SELECT r.name FROM blob_links l JOIN repositories r ON r.id = l.repository_id
               WHERE l.blob_id = $1 ORDER BY r.name LIMIT 4";
    LOSE_OBJECT = "UPDATE blobs SET object = $2 WHERE id = $1 AND object = $3";
    LOSE_CONTENT = "UPDATE blobs SET object = $2, content = NULL WHERE id = $1 AND content = $3";
    KEEP = "INSERT INTO blobs (id, digest, size, object, condemned_at) VALUES ($1, $2, $3, $4, $5)";
    DROP = "DELETE FROM blobs WHERE id = $1";
}

/// When the row of damaged bytes is due to be deleted.
const NEVER: i64 = i64::MAX;

impl Check<'_> {
    /// Looks at the next blob; false when there is none.
    pub(crate) async fn some_blobs(&mut self, position: &mut Position) -> Result<bool, Error> {
        let page = self.page_of_blobs(position).await?;
        for (id, digest, size, object) in &page {
            let digest = digest.parse().map_err(Error::fault)?;
            let object = object.as_deref().map(str::parse).transpose().map_err(Error::fault)?;
            self.blob(Blob { id: id.clone(), digest, size: *size as u64, object }).await?;
            position.0.clone_from(id);
        }
        Ok(!page.is_empty())
    }

    async fn page_of_blobs(
        &self,
        position: &Position,
    ) -> Result<Vec<(String, String, i64, Option<String>)>, Error> {
        let (db, after) = (&self.registry.db, position.0.as_str());
        Ok(match self.repository.as_str() {
            "" => db.all(&PAGE_OF_ALL, (after, PAGE)).await?,
            repository => db.all(&PAGE_OF_ONE, (after, PAGE, repository)).await?,
        })
    }

    async fn blob(&mut self, blob: Blob) -> Result<(), Error> {
        let wrong = match &blob.object {
            Some(object) => self.object(&blob, object).await?,
            None => self.content(&blob).await?,
        };
        self.report.blobs += 1;
        let Some((flaw, how, bytes)) = wrong else { return Ok(()) };
        if !self.is_still(&blob).await? {
            return Ok(());
        }
        let detail = format!("{}; {how}", self.holders(&blob).await?);
        let repaired = flaw == Flaw::BlobCorrupt && self.repair;
        if repaired {
            self.put_aside(&blob, bytes).await?;
        }
        self.found(flaw, blob.digest.as_str(), detail, repaired);
        Ok(())
    }

    /// What is wrong with an object, if anything is.
    async fn object(&mut self, blob: &Blob, object: &Object) -> Result<Wrong, Error> {
        let content = match self.registry.store.open_anew(object).await {
            Ok(content) => content,
            Err(wharf_blobs::Error::Missing) => {
                return Ok(Some((Flaw::BlobMissing, format!("no object {object}"), None)));
            }
            Err(error) => return Err(error.into()),
        };
        let wrong = match content.size == blob.size {
            true => self.hash(blob, &content).await?,
            false => Some(format!("it has {} bytes instead of {}", content.size, blob.size)),
        };
        Ok(wrong.map(|how| (Flaw::BlobCorrupt, format!("{how} (object {object})"), None)))
    }

    async fn hash(&mut self, blob: &Blob, content: &Content) -> Result<Option<String>, Error> {
        let mut hasher = Hasher::new(blob.digest.algorithm());
        let mut stream = pin!(content.read(0..blob.size));
        while let Some(chunk) = stream.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) if is_damage(&error) => return Ok(Some(error.to_string())),
                Err(error) => return Err(Error::fault(error)),
            };
            hasher.update(&chunk);
            self.count(chunk.len() as u64).await;
        }
        let found = hasher.finish();
        Ok((found != blob.digest).then(|| format!("its bytes have the digest {found}")))
    }

    /// What is wrong with bytes in a row, if anything is.
    async fn content(&mut self, blob: &Blob) -> Result<Wrong, Error> {
        let row = self.registry.db.optional(&CONTENT, (blob.id.as_str(),)).await?;
        // Without a row, or with an object by now, it is another blob than the one asked for.
        let Some((Some(content),)): Option<(Option<Vec<u8>>,)> = row else { return Ok(None) };
        self.count(content.len() as u64).await;
        let found = Digest::of(blob.digest.algorithm(), &content);
        if found == blob.digest && content.len() as u64 == blob.size {
            return Ok(None);
        }
        let how = format!("{} bytes in its row, with the digest {found}", content.len());
        Ok(Some((Flaw::BlobCorrupt, how, Some(content))))
    }

    async fn count(&mut self, bytes: u64) {
        self.report.bytes += bytes;
        (self.observe)(Progress::Hashed(bytes));
        self.pace.spend(bytes).await;
    }

    /// Whether the row still says what was checked: the blob may have been given up or healed.
    async fn is_still(&self, blob: &Blob) -> Result<bool, Error> {
        let now = self.registry.db.optional::<(Option<String>,)>(&NOW, (blob.id.as_str(),)).await?;
        Ok(now
            .is_some_and(|(object,)| object.as_deref() == blob.object.as_ref().map(Object::as_str)))
    }

    async fn holders(&self, blob: &Blob) -> Result<String, Error> {
        let rows = self.registry.db.all::<(String,)>(&HOLDERS, (blob.id.as_str(),)).await?;
        let mut names: Vec<String> = rows.into_iter().map(|(name,)| name).collect();
        if names.len() == 4 {
            names[3] = "others".to_owned();
        }
        Ok(match names.is_empty() {
            true => "held by no repository".to_owned(),
            false => format!("held by {}", names.join(", ")),
        })
    }

    /// The row first, the bytes last: so a push that finds the row as it was has its answer before, as
    /// one a day ago, and one that does not keeps its own bytes, which heal it.
    async fn put_aside(&self, blob: &Blob, content: Option<Vec<u8>>) -> Result<(), Error> {
        let store = &self.registry.store;
        let name = || store.name(Uuid::new_v4(), &Parts::default(), &blob.digest);
        let damaged = match (&blob.object, &content) {
            (Some(object), _) => object.clone(),
            (None, Some(content)) => {
                let placed = name();
                store.place(&placed, Bytes::from(content.clone())).await?;
                placed
            }
            (None, None) => return Ok(()),
        };
        match self.lose(blob, &damaged, &name(), &content).await? {
            Some(row) if store.quarantine(&damaged).await? == Aside::Moved => {
                tx!(self.registry.db, |tx| tx.execute(&DROP, (row.as_str(),)).await)?;
            }
            None if content.is_some() => store.delete(&damaged).await?,
            _ => {}
        }
        Ok(())
    }

    /// Lets the row name an object that is nowhere, and gives the damaged one, or that into which the
    /// row's own content was put, a row of its own. None when another has changed the row.
    async fn lose(
        &self,
        blob: &Blob,
        damaged: &Object,
        nowhere: &Object,
        content: &Option<Vec<u8>>,
    ) -> Result<Option<String>, Error> {
        let (id, kept) = (blob.id.as_str(), Uuid::now_v7().to_string());
        tx!(self.registry.db, |tx| {
            let lost = match content {
                None => tx.execute(&LOSE_OBJECT, (id, nowhere.as_str(), damaged.as_str())).await?,
                Some(content) => {
                    tx.execute(&LOSE_CONTENT, (id, nowhere.as_str(), content.clone())).await?
                }
            };
            if lost == 0 {
                return Ok(None);
            }
            self.registry.changes_all(tx);
            let (digest, size) = (blob.digest.as_str(), blob.size as i64);
            let values = (kept.as_str(), digest, size, damaged.as_str(), NEVER);
            tx.execute(&KEEP, values).await?;
            Ok(Some(kept.clone()))
        })
    }
}

/// The flaw, how it shows, and the bytes where they are in the row.
type Wrong = Option<(Flaw, String, Option<Vec<u8>>)>;

/// A file that ends early or a part of the disk that cannot be read is damage to this object;
/// anything else is a fault on the way to it.
fn is_damage(error: &io::Error) -> bool {
    const EIO: i32 = 5;
    error.kind() == io::ErrorKind::UnexpectedEof || error.raw_os_error() == Some(EIO)
}
