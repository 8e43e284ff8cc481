//! Caching what can change. An entry is stamped with the epoch read *before* its value was looked
//! up, and is served only while that epoch is still current; whoever writes advances the epoch
//! after the commit and before answering. So nobody who was told of a write sees the state before.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SHARDS: usize = 4096;

/// The epochs of many things, by a hash of their key. Two things that share one only cost each
/// other a look-up.
#[derive(Clone)]
pub struct Epochs {
    /// None where other processes write too: then nothing mutable may be cached.
    shards: Option<Arc<[AtomicU64]>>,
    hasher: std::hash::RandomState,
}

impl Epochs {
    /// Epochs for a database that only this process writes (`exclusive`), or epochs that never
    /// let anything be cached.
    #[must_use]
    pub fn new(exclusive: bool) -> Epochs {
        let shards = exclusive.then(|| (0..SHARDS).map(|_| AtomicU64::new(0)).collect());
        Epochs { shards, hasher: std::hash::RandomState::new() }
    }

    /// The epoch of `key` now; None where nothing may be cached.
    pub fn current(&self, key: impl Hash) -> Option<u64> {
        Some(self.shard(key)?.load(Ordering::Acquire))
    }

    /// Makes every entry of `key` stale.
    pub fn advance(&self, key: impl Hash) {
        if let Some(shard) = self.shard(key) {
            shard.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Makes every entry of every key stale.
    pub fn advance_all(&self) {
        for shard in self.shards.iter().flat_map(|shards| shards.iter()) {
            shard.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn shard(&self, key: impl Hash) -> Option<&AtomicU64> {
        let shards = self.shards.as_ref()?;
        shards.get(self.hasher.hash_one(key) as usize % SHARDS)
    }
}

/// A value with the epoch at which it was true.
#[derive(Clone)]
pub struct Cached<V> {
    pub epoch: u64,
    pub value: V,
}

impl<V> Cached<V> {
    /// The value, unless the epoch has moved on.
    pub fn fresh(self, epoch: Option<u64>) -> Option<V> {
        (Some(self.epoch) == epoch).then_some(self.value)
    }
}
