//! When access keys and roles were last used: noted in memory and written together, each at most
//! once a minute. A crash takes away the notes that were not yet written; nothing depends on them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wharf_db::{Durability, statement, tx};

use crate::{Error, Identity};

/// How often the last use of one key or role is written, in milliseconds.
const INTERVAL: i64 = 60_000;
/// How many notes are kept. More are only missed by GetAccessKeyLastUsed.
const MOST: usize = 50_000;

statement! {
    USE_KEY = "UPDATE access_keys
               SET last_used_at = $2, last_used_service = $3, last_used_region = $4
               WHERE id = $1 AND COALESCE(last_used_at, 0) < $2";
    USE_ROLE = "UPDATE roles SET last_used_at = $2, last_used_region = $3
                WHERE id = $1 AND COALESCE(last_used_at, 0) < $2";
}

/// What was used last, and what of it is written.
#[derive(Default)]
pub(crate) struct Uses(Mutex<Notes>);

#[derive(Default)]
struct Notes {
    pending: HashMap<Used, Use>,
    /// When each was written last, by the clock of its use.
    written: HashMap<Used, i64>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Used {
    Key(String),
    Role(String),
}

#[derive(Clone)]
struct Use {
    at: i64,
    service: String,
    region: String,
}

impl Notes {
    fn note(&mut self, used: Used, now: Use) {
        let recent = self.written.get(&used).is_some_and(|at| now.at - at < INTERVAL);
        let room = self.pending.len() < MOST || self.pending.contains_key(&used);
        if !recent && room {
            self.pending.insert(used, now);
        }
    }

    fn take(&mut self) -> Vec<(Used, Use)> {
        let taken: Vec<_> = self.pending.drain().collect();
        if self.written.len() + taken.len() > MOST {
            self.written.clear();
        }
        self.written.extend(taken.iter().map(|(used, last)| (used.clone(), last.at)));
        taken
    }

    /// After a failure: what was not written is still to be written.
    fn put_back(&mut self, taken: Vec<(Used, Use)>) {
        for (used, last) in taken {
            self.written.remove(&used);
            self.pending.entry(used).or_insert(last);
        }
    }
}

impl Uses {
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    /// Notes that the key of this id has signed a request of a service (`ecr`, `iam`, `sts`) in a
    /// Region. Never waits.
    pub fn note_key_use(&self, id: &str, service: &str, region: &str, now: i64) {
        self.note(Used::Key(id.to_owned()), service, region, now);
    }

    /// Notes that a session of the role with this id has made a request.
    pub fn note_role_use(&self, role_id: &str, region: &str, now: i64) {
        self.note(Used::Role(role_id.to_owned()), "", region, now);
    }

    fn note(&self, used: Used, service: &str, region: &str, now: i64) {
        let (service, region) = (service.to_owned(), region.to_owned());
        self.uses.lock().note(used, Use { at: now, service, region });
    }

    /// Writes the notes; run beside the requests, and before stopping.
    pub async fn write_uses(&self) -> Result<(), Error> {
        let taken = self.uses.lock().take();
        if taken.is_empty() {
            return Ok(());
        }
        let written = self.write(&taken).await;
        if written.is_err() {
            self.uses.lock().put_back(taken);
        }
        written
    }

    async fn write(&self, taken: &[(Used, Use)]) -> Result<(), Error> {
        tx!(self.db, Durability::Process, |tx| {
            for (used, last) in taken {
                let (at, region) = (last.at, last.region.as_str());
                match used {
                    Used::Key(id) => {
                        let values = (id.as_str(), at, last.service.as_str(), region);
                        tx.execute(&USE_KEY, values).await?
                    }
                    Used::Role(id) => tx.execute(&USE_ROLE, (id.as_str(), at, region)).await?,
                };
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(at: i64) -> Use {
        Use { at, service: "ecr".to_owned(), region: "eu-central-1".to_owned() }
    }

    #[test]
    fn a_use_is_written_once_a_minute_and_never_lost_by_a_failure() {
        let (mut notes, key) = (Notes::default(), Used::Key("AKIA".to_owned()));
        notes.note(key.clone(), used(1_000_000));
        notes.note(key.clone(), used(1_000_001));
        let taken = notes.take();
        assert!(matches!(&taken[..], [(_, last)] if last.at == 1_000_001));
        notes.note(key.clone(), used(1_000_001 + INTERVAL - 1));
        assert!(notes.take().is_empty());
        notes.put_back(taken);
        assert_eq!(notes.take().len(), 1);
        notes.note(key, used(1_000_001 + INTERVAL));
        assert_eq!(notes.take().len(), 1);
    }
}
