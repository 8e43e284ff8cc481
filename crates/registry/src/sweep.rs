//! The sweep: what nobody can reach any more is removed, while everything else goes on.
//!
//! On deleting, the row goes first and the bytes last; a crash in between leaves garbage for the
//! next sweep, never a row without bytes. Each step is one short serializable transaction that
//! checks and acts, so a push that refers to a layer at the same moment wins or loses cleanly.

use futures_util::{StreamExt as _, TryStreamExt as _, pin_mut, stream};
use wharf_blobs::Object;
use wharf_db::{statement, tx};

use crate::{Error, Registry};

/// What a sweep removed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Swept {
    /// Uploads that rested for longer than the grace.
    pub uploads: u64,
    /// Layers that are in no image of their repository.
    pub links: u64,
    /// Blobs that no repository holds; their bytes follow after the quarantine.
    pub condemned: u64,
    /// Objects and upload files that are gone from the store.
    pub files: u64,
}

/// Rows looked at in one transaction.
const BATCH: i64 = 500;
/// Objects that are removed from the store at the same time.
const DELETED_AT_ONCE: usize = 8;

statement! {
    OLD_UPLOADS = "SELECT id FROM uploads WHERE updated_at < $1 ORDER BY updated_at LIMIT $2";
    DELETE_UPLOAD = "DELETE FROM uploads WHERE id = $1 AND updated_at < $2";
    KNOWN_UPLOAD = "SELECT id FROM uploads WHERE id = $1";
    OLD_LINKS = "SELECT repository_id, digest FROM blob_links
                 WHERE (repository_id, digest) > ($1, $2) ORDER BY repository_id, digest LIMIT $3";
    UNLINK = "DELETE FROM blob_links WHERE repository_id = $1 AND digest > $2 AND digest <= $3
                  AND used_at < $4 AND NOT EXISTS
                  (SELECT 1 FROM image_references r WHERE r.repository_id = blob_links.repository_id
                   AND r.child = blob_links.digest)";
    BLOBS = "SELECT id FROM blobs WHERE id > $1 AND condemned_at IS NULL ORDER BY id LIMIT $2";
    CONDEMN = "UPDATE blobs SET condemned_at = $3 WHERE id > $1 AND id <= $2
                   AND condemned_at IS NULL
                   AND NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.blob_id = blobs.id)";
    CONDEMNED = "SELECT id, object FROM blobs WHERE condemned_at IS NOT NULL AND condemned_at <= $1
                 ORDER BY condemned_at, id LIMIT $2";
    FORGET = "DELETE FROM blobs WHERE id = $1 AND condemned_at IS NOT NULL";
    KNOWN_OBJECT = "SELECT id FROM blobs
                    WHERE digest = $1 AND condemned_at IS NULL AND object = $2
                    UNION ALL
                    SELECT id FROM blobs WHERE condemned_at IS NOT NULL AND object = $2";
}

impl Registry {
    /// Sweeps once through everything. Can be dropped at any moment: the next sweep goes on.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let before = self.now() - self.settings.grace.as_millis() as i64;
        let mut swept = Swept::default();
        self.sweep_uploads(before, &mut swept).await?;
        self.sweep_links(before, &mut swept).await?;
        self.condemn(&mut swept).await?;
        self.delete_condemned(&mut swept).await?;
        self.sweep_strays(before, &mut swept).await?;
        Ok(swept)
    }

    async fn sweep_uploads(&self, before: i64, swept: &mut Swept) -> Result<(), Error> {
        loop {
            let old = self.db.all::<(String,)>(&OLD_UPLOADS, (before, BATCH)).await?;
            for (id,) in &old {
                swept.uploads += self.sweep_upload(id, before).await?;
            }
            // One that is busy stays for the next sweep, and must not be met again in this one.
            if old.len() < BATCH as usize || swept.uploads == 0 {
                return Ok(());
            }
        }
    }

    /// Removes an upload unless somebody is at it, or has gone on with it in between.
    async fn sweep_upload(&self, id: &str, before: i64) -> Result<u64, Error> {
        let uuid = id.parse().map_err(Error::fault)?;
        let Some(_turn) = self.turns.try_take(uuid) else { return Ok(0) };
        let deleted = tx!(self.db, |tx| {
            tx.execute(&DELETE_UPLOAD, (id, before)).await.map_err(Error::from)
        })?;
        if deleted == 1 {
            self.tickets.end(uuid, None);
            self.store.discard(uuid).await?;
        }
        Ok(deleted)
    }

    async fn sweep_links(&self, before: i64, swept: &mut Swept) -> Result<(), Error> {
        let mut after = (String::new(), String::new());
        loop {
            // Who was told of a layer a moment ago relies on it.
            self.write_activity().await?;
            let values = (after.0.as_str(), after.1.as_str(), BATCH);
            let rows = self.db.all::<(String, String)>(&OLD_LINKS, values).await?;
            let Some(last) = rows.last().cloned() else { return Ok(()) };
            for group in rows.chunk_by(|one, next| one.0 == next.0) {
                let (repository, end) = &group[group.len() - 1];
                let start = if *repository == after.0 { after.1.as_str() } else { "" };
                let values = (repository.as_str(), start, end.as_str(), before);
                let id = repository.as_str().into();
                swept.links += tx!(self.db, |tx| {
                    self.changes(tx, &id);
                    tx.execute(&UNLINK, values).await.map_err(Error::from)
                })?;
            }
            after = last;
        }
    }

    async fn condemn(&self, swept: &mut Swept) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let rows = self.db.all::<(String,)>(&BLOBS, (after.as_str(), BATCH)).await?;
            let Some((last,)) = rows.last().cloned() else { return Ok(()) };
            let values = (after.as_str(), last.as_str(), self.now());
            swept.condemned +=
                tx!(self.db, |tx| tx.execute(&CONDEMN, values).await.map_err(Error::from))?;
            after = last;
        }
    }

    async fn delete_condemned(&self, swept: &mut Swept) -> Result<(), Error> {
        let due = self.now() - self.settings.quarantine.as_millis() as i64;
        loop {
            let rows = self.db.all::<(String, Option<String>)>(&CONDEMNED, (due, BATCH)).await?;
            let objects = rows.iter().filter_map(|(_, object)| object.as_deref());
            let objects: Vec<Object> =
                objects.map(str::parse).collect::<Result<_, _>>().map_err(Error::fault)?;
            let deleted = stream::iter(objects)
                .map(|object| {
                    let store = self.store.clone();
                    async move { store.delete(&object).await }
                })
                .buffer_unordered(DELETED_AT_ONCE);
            deleted.try_collect::<()>().await?;
            tx!(self.db, |tx| {
                for (id, _) in &rows {
                    tx.execute(&FORGET, (id.as_str(),)).await?;
                }
                Ok::<_, Error>(())
            })?;
            swept.files += rows.len() as u64;
            if rows.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    /// Files that no row knows: left by a crash between the bytes and the row. Only old ones, since
    /// a young one may be about to get its row.
    async fn sweep_strays(&self, before: i64, swept: &mut Swept) -> Result<(), Error> {
        let uploads = self.store.uploads();
        pin_mut!(uploads);
        while let Some(listed) = uploads.next().await {
            let listed = listed.map_err(Error::fault)?;
            let name = (listed.name.to_string(),);
            let Some(_turn) = self.turns.try_take(listed.name) else { continue };
            if is_older(listed.modified, before)
                && self.db.optional::<(String,)>(&KNOWN_UPLOAD, name).await?.is_none()
            {
                self.store.discard(listed.name).await?;
                swept.files += 1;
            }
        }
        let objects = self.store.objects();
        pin_mut!(objects);
        while let Some(listed) = objects.next().await {
            let listed = listed.map_err(Error::fault)?;
            let digest = listed.name.digest();
            let name = (digest.as_str(), listed.name.as_str());
            // In this order: one that has landed in between has its row by now.
            if is_older(listed.modified, before)
                && !self.landing.contains(&listed.name)
                && self.db.optional::<(String,)>(&KNOWN_OBJECT, name).await?.is_none()
            {
                self.store.delete(&listed.name).await?;
                swept.files += 1;
            }
        }
        Ok(())
    }
}

fn is_older(modified: std::time::SystemTime, before: i64) -> bool {
    let since = modified.duration_since(std::time::UNIX_EPOCH);
    since.is_ok_and(|since| (since.as_millis() as i64) < before)
}
