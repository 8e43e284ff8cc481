//! When things were last used: noted in memory, written in one go. What a crash takes away is the
//! last second of notes, which nothing depends on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wharf_db::{Durability, statement, tx};
use wharf_oci::Digest;

use crate::{Error, Registry, Repository};

type Key = (Arc<str>, Digest);

/// The notes since the last writing, and the times that are known to be written.
#[derive(Default)]
pub(crate) struct Activity {
    pulls: Mutex<Notes>,
    uses: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    pending: HashMap<Key, i64>,
    written: HashMap<Key, i64>,
}

/// How many written times are remembered before all are forgotten.
const REMEMBERED: usize = 50_000;

/// A layer's use is written at most this often, so that a grace of 24 hours means at least 23.
const USE_INTERVAL: Duration = Duration::from_secs(60 * 60);

statement! {
    SET_PULLED = "UPDATE images SET pulled_at = $3
                  WHERE repository_id = $1 AND digest = $2 AND COALESCE(pulled_at, 0) < $3";
    SET_USED = "UPDATE blob_links SET used_at = $3
                WHERE repository_id = $1 AND digest = $2 AND used_at < $3";
}

impl Notes {
    fn note(&mut self, repository: &Arc<str>, digest: &Digest, now: i64, interval: Duration) {
        let key = (repository.clone(), digest.clone());
        let recent = self.written.get(&key).or_else(|| self.pending.get(&key));
        if recent.is_none_or(|last| now - last >= interval.as_millis() as i64) {
            self.pending.insert(key, now);
        }
    }

    /// After a failure: what was not written is still to be written.
    fn put_back(&mut self, notes: HashMap<Key, i64>) {
        for (key, time) in notes {
            self.written.remove(&key);
            self.pending.entry(key).or_insert(time);
        }
    }

    fn take(&mut self) -> HashMap<Key, i64> {
        let taken = std::mem::take(&mut self.pending);
        if self.written.len() + taken.len() > REMEMBERED {
            self.written.clear();
        }
        self.written.extend(taken.iter().map(|(key, time)| (key.clone(), *time)));
        taken
    }
}

impl Registry {
    /// Notes that the image was pulled. Recorded at the first pull, then at most once an interval.
    pub fn pulled(&self, repository: &Repository, digest: &Digest) {
        let interval = self.settings.pull_interval;
        lock(&self.activity.pulls).note(repository.id(), digest, self.now(), interval);
    }

    /// Notes that somebody was told the layer is there, so that it stays for a grace from now.
    pub(crate) fn used(&self, repository: &Repository, digest: &Digest) {
        let interval = USE_INTERVAL.min(self.settings.grace / 4);
        lock(&self.activity.uses).note(repository.id(), digest, self.now(), interval);
    }

    /// Writes the notes of the last moments; run once a second and before stopping.
    pub async fn write_activity(&self) -> Result<(), Error> {
        let pulls = lock(&self.activity.pulls).take();
        let uses = lock(&self.activity.uses).take();
        if pulls.is_empty() && uses.is_empty() {
            return Ok(());
        }
        let written = self.write_notes(&pulls, &uses).await;
        if written.is_err() {
            lock(&self.activity.pulls).put_back(pulls);
            lock(&self.activity.uses).put_back(uses);
        }
        written
    }

    async fn write_notes(
        &self,
        pulls: &HashMap<Key, i64>,
        uses: &HashMap<Key, i64>,
    ) -> Result<(), Error> {
        tx!(self.db, Durability::Process, |tx| {
            for (statement, notes) in [(&SET_PULLED, pulls), (&SET_USED, uses)] {
                for ((repository, digest), time) in notes {
                    tx.execute(statement, (&**repository, digest.as_str(), *time)).await?;
                }
            }
            Ok(())
        })
    }
}

fn lock(notes: &Mutex<Notes>) -> std::sync::MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
