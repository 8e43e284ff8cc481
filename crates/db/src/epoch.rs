//! Caching what can change. An entry is stamped with the epoch read *before* its value was looked
//! up, and is served only while that epoch is still current.
//!
//! An epoch has two parts. A counter of the key, which whoever writes in this process advances
//! after the commit and before answering. And, where other processes write too, the moment of the
//! database. So nobody sees the state before a write that was told to anybody.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Db;
use crate::moment::{Moment, Moments};

const SHARDS: usize = 4096;

/// The epochs of many things, by a hash of their key. Two things that share one only cost each
/// other a look-up.
#[derive(Clone)]
pub struct Epochs {
    shards: Arc<[AtomicU64]>,
    /// Of all keys together, so that all become stale at once and not one after the other: what is
    /// made of several entries must not mix old and new.
    all: Arc<AtomicU64>,
    /// None where only this process writes.
    moments: Option<Moments>,
    hasher: std::hash::RandomState,
}

/// When something was true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Epoch {
    counter: u64,
    all: u64,
    moment: Option<Moment>,
}

impl Epochs {
    /// Epochs for what is in `db`.
    #[must_use]
    pub fn new(db: &Db) -> Epochs {
        Epochs {
            shards: (0..SHARDS).map(|_| AtomicU64::new(0)).collect(),
            all: Arc::default(),
            moments: db.moments().cloned(),
            hasher: std::hash::RandomState::new(),
        }
    }

    /// The epoch of `key` now. Never waits where only this process writes; elsewhere it asks the
    /// database, once in a [request](crate::in_request). None when the database does not answer:
    /// then nothing may be served from the cache, nor kept.
    pub async fn current(&self, key: impl Hash) -> Option<Epoch> {
        let shard = self.shard(key);
        let moment = match &self.moments {
            None => None,
            Some(moments) => Some(moments.now().await?),
        };
        let all = self.all.load(Ordering::SeqCst);
        Some(Epoch { counter: shard.load(Ordering::SeqCst), all, moment })
    }

    /// Makes every entry of `key` stale.
    pub fn advance(&self, key: impl Hash) {
        self.shard(key).fetch_add(1, Ordering::SeqCst);
    }

    /// Makes every entry of every key stale.
    pub fn advance_all(&self) {
        self.all.fetch_add(1, Ordering::SeqCst);
    }

    fn shard(&self, key: impl Hash) -> &AtomicU64 {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

/// A value with the epoch at which it was true.
#[derive(Clone)]
pub struct Cached<V> {
    pub epoch: Epoch,
    pub value: V,
}

impl<V> Cached<V> {
    /// The value, unless the epoch has moved on.
    pub fn fresh(self, epoch: Option<Epoch>) -> Option<V> {
        (Some(self.epoch) == epoch).then_some(self.value)
    }
}
