//! The sweep: what nobody can reach any more is removed, while everything else goes on.
//!
//! On deleting, the row goes first and the bytes last; a crash in between leaves garbage for the
//! next sweep, never a row without bytes. Each step is one short serializable transaction that
//! checks and acts, so a push that refers to a layer at the same moment wins or loses cleanly.

use std::time::Duration;

use futures_util::{StreamExt as _, pin_mut, stream};
use wharf_blobs::{Listed, Object, Parts, Store};
use wharf_db::{Durability, statement, tx};

use crate::{Error, Registry, copy};

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

/// How long a finished upload is remembered for a client that asks another replica.
const TOLD: Duration = Duration::from_secs(15 * 60);
/// How long bytes without a row are another replica's business.
const YOUNG_ELSEWHERE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many strays one sweep removes at most.
const MOST_STRAYS: usize = 10_000;
/// So many strays beside objects that are known are no reason to doubt the database.
const FEW_STRAYS: u64 = 100;
/// Rows looked at in one transaction.
const BATCH: i64 = 500;
/// Objects that are removed from the store at the same time.
const DELETED_AT_ONCE: usize = 8;

statement! {
    TOLD_UPLOADS = "DELETE FROM uploads WHERE finished IS NOT NULL AND updated_at < $1";
    OLD_UPLOADS = "SELECT id, session, store_parts, updated_at FROM uploads
                   WHERE updated_at < $1 AND (updated_at, id) > ($2, $3) AND finished IS NULL
                   ORDER BY updated_at, id LIMIT $4";
    DELETE_UPLOAD = "DELETE FROM uploads WHERE id = $1 AND updated_at < $2 AND held_until < $3
                         AND finished IS NULL";
    KNOWN_UPLOAD = "SELECT id FROM uploads WHERE session = $1 AND finished IS NULL";
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
    CONDEMNED = "SELECT id, object, condemned_at FROM blobs
                 WHERE condemned_at IS NOT NULL AND condemned_at <= $1
                     AND (condemned_at, id) > ($2, $3)
                 ORDER BY condemned_at, id LIMIT $4";
    FORGET = "DELETE FROM blobs WHERE id = $1 AND condemned_at IS NOT NULL";
    KNOWN_OBJECT = "SELECT id FROM blobs WHERE object = $1
                    UNION ALL
                    SELECT id FROM uploads WHERE session = $2 AND finished IS NULL";
}

impl Registry {
    /// Sweeps once through everything. Can be dropped at any moment: the next sweep goes on.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        // What was restored or copied is looked at for a while before anything of it goes.
        if copy::is_spared(&self.db, self.now()).await? {
            return Ok(Swept::default());
        }
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
        let told = self.now() - TOLD.as_millis() as i64;
        tx!(self.db, Durability::Process, |tx| {
            tx.execute(&TOLD_UPLOADS, (told,)).await.map_err(Error::from)
        })?;
        let mut after = (i64::MIN, String::new());
        loop {
            let values = (before, after.0, after.1.as_str(), BATCH);
            let old = self.db.all::<(String, String, String, i64)>(&OLD_UPLOADS, values).await?;
            let Some((id, _, _, updated_at)) = old.last() else { return Ok(()) };
            after = (*updated_at, id.clone());
            for (id, session, parts, _) in &old {
                swept.uploads += self.sweep_upload(id, session, parts, before).await?;
            }
        }
    }

    /// Removes an upload unless somebody is at it, or has gone on with it in between.
    async fn sweep_upload(
        &self,
        id: &str,
        session: &str,
        parts: &str,
        before: i64,
    ) -> Result<u64, Error> {
        let uuid = id.parse().map_err(Error::fault)?;
        let Some(_turn) = self.turns.try_take(uuid) else { return Ok(0) };
        let deleted = tx!(self.db, |tx| {
            let values = (id, before, self.now());
            tx.execute(&DELETE_UPLOAD, values).await.map_err(Error::from)
        })?;
        if deleted == 1 {
            self.tickets.end(uuid, None);
            let session = session.parse().map_err(Error::fault)?;
            let parts = Parts::restore(parts).map_err(Error::fault)?;
            self.store.discard(session, Some(&parts)).await?;
        }
        Ok(deleted)
    }

    async fn sweep_links(&self, before: i64, swept: &mut Swept) -> Result<(), Error> {
        let mut after = (String::new(), String::new());
        loop {
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
        let mut after = (i64::MIN, String::new());
        loop {
            let values = (due, after.0, after.1.as_str(), BATCH);
            let rows = self.db.all::<(String, Option<String>, i64)>(&CONDEMNED, values).await?;
            let Some((id, _, condemned_at)) = rows.last() else { return Ok(()) };
            after = (*condemned_at, id.clone());
            let deleted = stream::iter(rows)
                .map(|(id, object, _)| {
                    let store = self.store.clone();
                    async move { delete(&store, object).await.then_some(id) }
                })
                .buffer_unordered(DELETED_AT_ONCE);
            let deleted: Vec<_> = deleted.filter_map(std::future::ready).collect().await;
            tx!(self.db, |tx| {
                for id in &deleted {
                    tx.execute(&FORGET, (id.as_str(),)).await?;
                }
                Ok::<_, Error>(())
            })?;
            swept.files += deleted.len() as u64;
        }
    }

    /// Files that no row knows: left by a crash between the bytes and the row. Only old ones, since
    /// a young one may be about to get its row.
    async fn sweep_strays(&self, before: i64, swept: &mut Swept) -> Result<(), Error> {
        let before = match self.turns.are_shared() {
            // What other replicas have underway is not known here, and S3 dates a large object from
            // when its upload began.
            true => before.min(self.now() - YOUNG_ELSEWHERE.as_millis() as i64),
            false => before,
        };
        let uploads = self.store.uploads();
        pin_mut!(uploads);
        while let Some(listed) = uploads.next().await {
            let listed = listed.map_err(Error::fault)?;
            let name = (listed.name.to_string(),);
            // In this order: one that got its row in between has it by now.
            if is_older(listed.modified, before)
                && !self.landing.contains(&name.0)
                && self.db.optional::<(String,)>(&KNOWN_UPLOAD, name).await?.is_none()
            {
                self.store.discard(listed.name, None).await?;
                swept.files += 1;
            }
        }
        for object in self.strays(before).await? {
            swept.files += u64::from(delete(&self.store, Some(object.to_string())).await);
        }
        Ok(())
    }

    /// The objects that are to go; none where the database knows few of the objects or none, since
    /// then it is rather another's.
    async fn strays(&self, before: i64) -> Result<Vec<Object>, Error> {
        let (mut known, mut unknown, mut strays) = (0_u64, 0_u64, Vec::new());
        let objects = self.store.objects();
        pin_mut!(objects);
        while let Some(listed) = objects.next().await {
            let listed = listed.map_err(Error::fault)?;
            if !is_older(listed.modified, before) {
                continue;
            }
            if !self.is_stray(&listed, before).await? {
                known += 1;
                continue;
            }
            unknown += 1;
            if strays.len() < MOST_STRAYS {
                strays.push(listed.name);
            }
        }
        let is_doubtful = unknown > 0 && known == 0 || unknown > FEW_STRAYS && unknown > known;
        if is_doubtful {
            tracing::error!(
                known,
                unknown,
                "most objects in the store are unknown to the database, so none is removed: is it \
                 the database of this store? `wharf check` lists them"
            );
            return Ok(Vec::new());
        }
        Ok(strays)
    }

    /// Whether an object that was written before this time has no row, and will get none.
    pub(crate) async fn is_stray(
        &self,
        listed: &Listed<Object>,
        before: i64,
    ) -> Result<bool, Error> {
        // On S3 the bytes of an upload may be objects already.
        let session = listed.name.session().to_string();
        let name = (listed.name.as_str(), session.as_str());
        // In this order: one that has landed in between has its row by now.
        Ok(is_older(listed.modified, before)
            && !self.landing.contains(name.0)
            && !self.landing.contains(name.1)
            && self.db.optional::<(String,)>(&KNOWN_OBJECT, name).await?.is_none())
    }
}

/// Removes an object. One that cannot be removed now is told, and is no reason to keep the others.
async fn delete(store: &Store, object: Option<String>) -> bool {
    let Some(name) = object else { return true };
    let deleted = match name.parse::<Object>() {
        Ok(object) => store.delete(&object).await.map_err(Error::from),
        Err(error) => Err(Error::fault(error)),
    };
    if let Err(error) = &deleted {
        tracing::error!(object = name, error = error.told(), "an object stays");
    }
    deleted.is_ok()
}

fn is_older(modified: std::time::SystemTime, before: i64) -> bool {
    let since = modified.duration_since(std::time::UNIX_EPOCH);
    since.is_ok_and(|since| (since.as_millis() as i64) < before)
}
