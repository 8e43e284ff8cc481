//! A whole registry, copied into another pair of engines: to move it, or to keep it as a backup.
//!
//! First the bytes, then the rows. Bytes are copied while the source goes on, in any number of
//! runs; each is held against its digest on the way, and its row in the target is condemned, which
//! is how blobs are invisible. Then one look at the source that stands still, and one transaction
//! that brings the target to it: so the target shows one state of the source after the other,
//! nothing in between, and no row whose bytes are not there. What a broken-off run leaves behind
//! is used by the next one, or swept.

mod blobs;
mod origin;

pub(crate) use origin::is_spared;
pub use origin::{adopt, key_print, restored};

use std::collections::HashSet;

use wharf_db::copy::{self, Changes, Plan};
use wharf_db::{Db, Snapshot, tx};

use crate::{Clock, installation};

/// Tables that are not copied, and why: `blobs` is copied here, with its bytes; the bytes of
/// `uploads` under way are not in the target, and their clients begin anew; `origin` and
/// `installation` are about the target itself; all `jobs` there are come again by themselves.
const EXCEPT: &[&str] = &["blobs", "uploads", "origin", "installation", "jobs"];

/// Bytes that are certainly copied within the time for which the source keeps what it gives up.
const SETTLED: u64 = 4 * 1024 * 1024 * 1024;

/// What is copied from.
pub struct Source {
    pub snapshot: Snapshot,
    pub store: wharf_blobs::Store,
    /// How the operator calls it.
    pub name: String,
    /// Tells the installation key, see [`key_print`].
    pub key_print: String,
}

/// What is copied to. Nobody serves it.
pub struct Target {
    pub db: Db,
    pub store: wharf_blobs::Store,
    /// Whether it is the very store of the source: then the bytes stay where they are, and are only
    /// read to compare them with their digests.
    pub same_store: bool,
}

/// How it is going. All three may be called from any thread.
pub trait Watch: Send + Sync {
    /// A stage begins, with that much to do: bytes or rows.
    fn begin(&self, stage: Stage, total: u64);
    /// So much more of it is done.
    fn advance(&self, by: u64);
    /// The stage is over.
    fn end(&self);
}

/// The two parts of a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// In bytes.
    Blobs,
    /// In rows.
    Rows,
}

/// What a copy did.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Blobs that were copied by this run.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    pub rows: Changes,
    /// Blobs that the source does not have as it should.
    pub lost: Vec<Lost>,
}

/// A blob whose bytes are missing in the source, or are not those of its digest. The target does
/// not have it; whoever pushes it there heals the images that need it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    pub digest: String,
    pub reason: String,
    /// The names of some repositories that hold it.
    pub repositories: Vec<String>,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the target is in use: its table {0} has rows, and no copy was begun there. Name an empty one; nothing was changed"
    )]
    Occupied(String),
    #[error(
        "the target was copied from {0} and has been served since, so it has gone its own way. Name an empty one; nothing was changed"
    )]
    Adopted(String),
    #[error(
        "the target holds a copy of another installation ({0}). Name an empty one; nothing was changed"
    )]
    OtherInstallation(String),
    #[error("this is a copy of {0} that was begun and never completed: run wharf copy again")]
    Unfinished(String),
    #[error("the row of blob {0} names an object that cannot be one")]
    Object(String),
    #[error("the target cannot be written: {0}")]
    Installation(#[from] installation::Error),
    #[error(transparent)]
    Db(#[from] wharf_db::Error),
    #[error(transparent)]
    Store(#[from] wharf_blobs::Error),
}

/// Brings the target to the present state of the source, with at most `at_once` blobs under way at
/// a time. May be dropped and run again at any time. It succeeds with [`Copied::lost`] when the
/// source has lost bytes: everything else is there then.
pub async fn run(
    source: &mut Source,
    target: &Target,
    at_once: usize,
    clock: &Clock,
    watch: &dyn Watch,
) -> Result<Copied, Error> {
    let nothing_missing = HashSet::new();
    let every = Plan { except: EXCEPT, missing: ("blobs", &nothing_missing) };
    origin::begin(source, target, &every, clock()).await?;
    let mut bring = blobs::Bring { target, at_once, clock, watch, copied: Copied::default() };
    watch.begin(Stage::Blobs, blobs::live_bytes(&mut source.snapshot).await?);
    // Takes as long as it takes. What is pushed meanwhile is for the next pass, until it is little:
    // what the source gives up after the last look at it, it keeps for an hour only.
    let mut view = blobs::View::First;
    while bring.all(source, view).await?.bytes > SETTLED {
        view = blobs::View::Again;
    }
    source.snapshot.renew().await?;
    let missing = bring.all(source, blobs::View::Still).await?.missing;
    watch.end();
    let mut copied = bring.copied;

    let plan = Plan { missing: ("blobs", &missing), ..every };
    watch.begin(Stage::Rows, copy::count(&mut source.snapshot, &plan).await?);
    let snapshot = &mut source.snapshot;
    copied.rows = tx!(target.db, |tx| {
        blobs::show(snapshot, tx, clock()).await?;
        let changes = copy::tables(snapshot, tx, &plan, |rows| watch.advance(rows)).await?;
        origin::complete(tx, clock()).await?;
        Ok::<_, wharf_db::Error>(changes)
    })?;
    watch.end();
    Ok(copied)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Whoever adds a table decides here whether it is part of what an installation is.
    #[tokio::test]
    async fn every_table_is_copied_or_known_not_to_be() {
        let names = copy::names().await.unwrap();
        let copied: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !EXCEPT.contains(name)).collect();
        assert!(EXCEPT.iter().all(|name| names.iter().any(|known| known == name)));
        let mut expected = [
            "accounts",
            "access_keys",
            "account_settings",
            "account_aliases",
            "entities",
            "entity_tags",
            "group_members",
            "roles",
            "managed_policies",
            "policy_versions",
            "attached_policies",
            "inline_policies",
            "login_profiles",
            "oidc_providers",
            "repositories",
            "repository_tags",
            "repository_policies",
            "registry_policies",
            "images",
            "tags",
            "image_references",
            "blob_links",
        ];
        let mut copied = copied;
        expected.sort_unstable();
        copied.sort_unstable();
        assert_eq!(copied, expected, "is the new table part of what a copy is to have?");
    }
}
