//! When images were last pulled: noted in memory, written in one go. What a crash takes away is the
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
}

#[derive(Default)]
struct Notes {
    pending: HashMap<Key, i64>,
    written: HashMap<Key, i64>,
}

/// How many written times are remembered before all are forgotten.
const REMEMBERED: usize = 50_000;

statement! {
    SET_PULLED = "UPDATE images SET pulled_at = $3
                  WHERE repository_id = $1 AND digest = $2 AND COALESCE(pulled_at, 0) < $3";
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
        if self.settings.read_only {
            return;
        }
        let interval = self.settings.pull_interval;
        lock(&self.activity.pulls).note(repository.id(), digest, self.now(), interval);
    }

    /// Writes the notes of the last moments; run once a second and before stopping.
    pub async fn write_activity(&self) -> Result<(), Error> {
        let pulls = lock(&self.activity.pulls).take();
        if pulls.is_empty() {
            return Ok(());
        }
        let written = self.write_pulls(&pulls).await;
        if written.is_err() {
            lock(&self.activity.pulls).put_back(pulls);
        }
        written
    }

    async fn write_pulls(&self, pulls: &HashMap<Key, i64>) -> Result<(), Error> {
        tx!(self.db, Durability::Process, |tx| {
            for ((repository, digest), time) in pulls {
                tx.execute(&SET_PULLED, (&**repository, digest.as_str(), *time)).await?;
            }
            Ok(())
        })
    }
}

fn lock(notes: &Mutex<Notes>) -> std::sync::MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
