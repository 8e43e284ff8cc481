//! The blobs of a copy: bytes from store to store, and rows that stay condemned until the target is
//! brought to a new state as a whole.

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};
use std::pin::pin;

use bytes::Bytes as Frame;
use futures_util::{Stream, StreamExt as _, stream};
use uuid::Uuid;
use wharf_blobs::{AppendError, End, Object, Progress, Store};
use wharf_db::{Snapshot, Tx, statement, tx};
use wharf_oci::{Digest, Hasher};

use super::{Copied, Error, Lost, Source, Target, Watch};
use crate::Clock;

/// Rows looked at in one go.
const PAGE: i64 = 500;
/// Copied blobs that get their rows in one transaction.
const ROWS: usize = 64;
/// How many repositories of a lost blob are named.
const NAMED: i64 = 20;

statement! {
    LIVE = "SELECT id, digest, size, object FROM blobs
            WHERE condemned_at IS NULL AND id > $1 ORDER BY id LIMIT $2";
    LIVE_BYTES = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM blobs
                  WHERE condemned_at IS NULL";
    STILL_LIVE = "SELECT id FROM blobs
                  WHERE condemned_at IS NULL AND id IN (SELECT value FROM json_each($1))";
    CONTENTS = "SELECT id, content FROM blobs
                WHERE content IS NOT NULL AND id IN (SELECT value FROM json_each($1))";
    KNOWN = "SELECT id, object FROM blobs WHERE id IN (SELECT value FROM json_each($1))";
    HOLDERS = "SELECT r.name FROM blob_links l JOIN repositories r ON r.id = l.repository_id
               WHERE l.blob_id = $1 ORDER BY r.name LIMIT $2";
    ENTER = "INSERT INTO blobs (id, digest, size, object, content, condemned_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO UPDATE SET object = excluded.object, content = excluded.content";
    SHOWN = "SELECT id FROM blobs WHERE condemned_at IS NULL AND id > $1 ORDER BY id LIMIT $2";
    CONDEMN = "UPDATE blobs SET condemned_at = $2 WHERE condemned_at IS NULL
                   AND id IN (SELECT value FROM json_each($1))";
    SHOW = "UPDATE blobs SET condemned_at = NULL WHERE condemned_at IS NOT NULL
                AND id IN (SELECT value FROM json_each($1))";
}

/// How the source is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// As it is from page to page. What is lost is no news yet: it may have been given up by now.
    First,
    /// The same once more.
    Again,
    /// As it was when the snapshot was taken.
    Still,
}

/// A blob of the source, by its row.
struct Row {
    id: String,
    digest: String,
    size: u64,
    bytes: Bytes,
}

/// Where the bytes of a blob are: in its row, or in the store.
enum Bytes {
    Content(Vec<u8>),
    Object(Object),
}

/// What became of one blob.
enum Brought {
    /// The target has its bytes.
    There(Bytes),
    Lost(String),
}

/// What one pass over all blobs did.
#[derive(Default)]
pub(super) struct Pass {
    /// Bytes copied.
    pub(super) bytes: u64,
    /// The ids of the blobs that the source has lost.
    pub(super) missing: HashSet<String>,
}

/// The bytes of all live blobs.
pub(super) async fn live_bytes(snapshot: &mut Snapshot) -> Result<u64, wharf_db::Error> {
    let total = snapshot.optional::<(i64,)>(&LIVE_BYTES, ()).await?;
    Ok(total.map_or(0, |(bytes,)| bytes as u64))
}

/// The way of the blobs.
pub(super) struct Bring<'a> {
    pub(super) target: &'a Target,
    pub(super) at_once: usize,
    pub(super) clock: &'a Clock,
    pub(super) watch: &'a dyn Watch,
    pub(super) copied: Copied,
}

impl Bring<'_> {
    /// Copies every live blob that the target does not have yet.
    pub(super) async fn all(&mut self, source: &mut Source, view: View) -> Result<Pass, Error> {
        let (mut after, mut pass, before) = (String::new(), Pass::default(), self.copied.bytes);
        loop {
            if view != View::Still {
                // A view that stood still for hours would hold the source's log back.
                source.snapshot.renew().await?;
            }
            let values = (after.as_str(), PAGE);
            let page =
                source.snapshot.all::<(String, String, i64, Option<String>)>(&LIVE, values).await?;
            let Some((last, ..)) = page.last() else { break };
            after.clone_from(last);
            let (rows, known) = self.unknown(&mut source.snapshot, page).await?;
            if view == View::First {
                self.watch.advance(known);
            }
            for (row, reason) in self.bring(&source.store, rows).await? {
                if view == View::Still {
                    self.lose(&mut source.snapshot, &row, reason).await?;
                    pass.missing.insert(row.id);
                }
            }
        }
        pass.bytes = self.copied.bytes - before;
        Ok(pass)
    }

    /// Those of the page that the target does not have, and the bytes of the others.
    async fn unknown(
        &self,
        snapshot: &mut Snapshot,
        page: Vec<(String, String, i64, Option<String>)>,
    ) -> Result<(Vec<Row>, u64), Error> {
        let ids = list(page.iter().map(|(id, ..)| id));
        let known = self.target.db.all::<(String, Option<String>)>(&KNOWN, (ids,)).await?;
        let known: HashMap<String, Option<String>> = known.into_iter().collect();
        let (known, new): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|(id, _, _, object)| match known.get(id) {
                // Healed since, maybe: then its bytes have another name.
                Some(there) => !self.target.same_store || there == object,
                None => false,
            });
        let known = known.iter().map(|(_, _, size, _)| *size as u64).sum();
        let small = new.iter().filter(|(.., object)| object.is_none()).map(|(id, ..)| id);
        let contents = snapshot.all::<(String, Vec<u8>)>(&CONTENTS, (list(small),)).await?;
        let mut contents: HashMap<String, Vec<u8>> = contents.into_iter().collect();
        let rows = new.into_iter().map(|(id, digest, size, object)| {
            let bytes = match object {
                Some(object) => {
                    Bytes::Object(object.parse().map_err(|_| Error::Object(digest.clone()))?)
                }
                None => Bytes::Content(contents.remove(&id).unwrap_or_default()),
            };
            Ok(Row { id, digest, size: size as u64, bytes })
        });
        Ok((rows.collect::<Result<_, Error>>()?, known))
    }

    /// Copies the blobs and enters their rows. Gives the lost ones, and why they are.
    async fn bring(&mut self, source: &Store, rows: Vec<Row>) -> Result<Vec<(Row, String)>, Error> {
        let mut lost = Vec::new();
        let (target, watch) = (self.target, self.watch);
        let brought = stream::iter(rows)
            .map(|row| async move { (bring(source, target, &row, watch).await, row) })
            .buffer_unordered(self.at_once)
            .ready_chunks(ROWS);
        let mut brought = pin!(brought);
        while let Some(some) = brought.next().await {
            let mut there = Vec::new();
            for (outcome, row) in some {
                match outcome? {
                    Brought::Lost(reason) => lost.push((row, reason)),
                    Brought::There(bytes) => {
                        self.copied.blobs += 1;
                        self.copied.bytes += row.size;
                        there.push((row, bytes));
                    }
                }
            }
            self.enter(&there).await?;
        }
        Ok(lost)
    }

    /// The bytes are durable by now; the rows are not to be seen yet.
    async fn enter(&self, there: &[(Row, Bytes)]) -> Result<(), Error> {
        let now = (self.clock)();
        tx!(self.target.db, |tx| {
            for (row, bytes) in there {
                let (object, content) = match bytes {
                    Bytes::Object(object) => (Some(object.as_str()), None),
                    Bytes::Content(content) => (None, Some(content.clone())),
                };
                let (id, digest) = (row.id.as_str(), row.digest.as_str());
                let values = (id, digest, row.size as i64, object, content, now);
                tx.execute(&ENTER, values).await?;
            }
            Ok(())
        })
    }

    async fn lose(
        &mut self,
        snapshot: &mut Snapshot,
        row: &Row,
        reason: String,
    ) -> Result<(), Error> {
        let holders = snapshot.all::<(String,)>(&HOLDERS, (row.id.as_str(), NAMED)).await?;
        let repositories = holders.into_iter().map(|(name,)| name).collect();
        self.copied.lost.push(Lost { digest: row.digest.clone(), reason, repositories });
        Ok(())
    }
}

/// Condemns what the source has given up, then shows what it has: in this order, since a digest
/// has one live row.
pub(super) async fn show(
    source: &mut Snapshot,
    target: &mut Tx,
    now: i64,
) -> Result<(), wharf_db::Error> {
    let mut after = String::new();
    loop {
        let page = target.all::<(String,)>(&SHOWN, (after.as_str(), PAGE)).await?;
        let Some((last,)) = page.last().cloned() else { break };
        let live = source.all::<(String,)>(&STILL_LIVE, (ids(&page),)).await?;
        let live: HashSet<String> = live.into_iter().map(|(id,)| id).collect();
        let gone = list(page.iter().map(|(id,)| id).filter(|id| !live.contains(*id)));
        target.execute(&CONDEMN, (gone, now)).await?;
        after = last;
    }
    let mut after = String::new();
    loop {
        let values = (after.as_str(), PAGE);
        let page = source.all::<(String, String, i64, Option<String>)>(&LIVE, values).await?;
        let Some((last, ..)) = page.last().cloned() else { break };
        target.execute(&SHOW, (list(page.iter().map(|(id, ..)| id)),)).await?;
        after = last;
    }
    Ok(())
}

/// Brings one blob into the target's store, under a name of the target's, and compares its bytes
/// with its digest on the way.
async fn bring(
    source: &Store,
    target: &Target,
    row: &Row,
    watch: &dyn Watch,
) -> Result<Brought, Error> {
    let Ok(digest) = row.digest.parse::<Digest>() else {
        return Ok(Brought::Lost("the digest is none".to_owned()));
    };
    let object = match &row.bytes {
        Bytes::Content(bytes) => {
            watch.advance(bytes.len() as u64);
            return Ok(match Digest::of(digest.algorithm(), bytes) == digest {
                true => Brought::There(Bytes::Content(bytes.clone())),
                false => Brought::Lost(WRONG.to_owned()),
            });
        }
        Bytes::Object(object) => object,
    };
    let content = match source.open(object, row.size).await {
        Ok(content) => content,
        Err(wharf_blobs::Error::Missing) => return Ok(Brought::Lost(MISSING.to_owned())),
        Err(error) => return Err(error.into()),
    };
    if content.size != row.size {
        return Ok(Brought::Lost(WRONG.to_owned()));
    }
    let frames = content.read(0..content.size).inspect(|frame| {
        watch.advance(frame.as_ref().map_or(0, |frame| frame.len() as u64));
    });
    let outcome = match target.same_store {
        true => compare(&digest, frames).await?.map(|()| object.clone()),
        false => store(&target.store, &digest, row.size, frames).await?,
    };
    Ok(match outcome {
        Ok(object) => Brought::There(Bytes::Object(object)),
        Err(reason) => Brought::Lost(reason),
    })
}

/// Stores the bytes, unless they turn out wrong: then it says why.
async fn store(
    target: &Store,
    digest: &Digest,
    size: u64,
    frames: impl Stream<Item = io::Result<Frame>> + Send,
) -> Result<Result<Object, String>, Error> {
    let session = Uuid::new_v4();
    let progress = Progress::new(digest.algorithm());
    let (reason, parts) = match target.append(session, progress, frames, size, End::Last).await {
        Ok(progress)
            if progress.received == size && progress.hasher.clone().finish() == *digest =>
        {
            let object = target.name(session, &progress.parts, digest);
            target.promote(session, &progress, &object).await?;
            return Ok(Ok(object));
        }
        Ok(progress) => (WRONG.to_owned(), Some(progress.parts)),
        Err(AppendError::Stream { source, appended }) => {
            (unreadable(source)?, Some(appended.parts))
        }
        Err(AppendError::TooLarge { .. }) => (WRONG.to_owned(), None),
        Err(AppendError::Busy) => return Err(wharf_blobs::Error::Busy.into()),
        Err(AppendError::Store(error)) => return Err(error.into()),
    };
    target.discard(session, parts.as_ref()).await?;
    Ok(Err(reason))
}

/// Only reads the bytes.
async fn compare(
    digest: &Digest,
    frames: impl Stream<Item = io::Result<Frame>> + Send,
) -> Result<Result<(), String>, Error> {
    let mut hasher = Hasher::new(digest.algorithm());
    let mut frames = pin!(frames);
    while let Some(frame) = frames.next().await {
        match frame {
            Ok(frame) => hasher.update(&frame),
            Err(error) => return Ok(Err(unreadable(error)?)),
        }
    }
    Ok(if hasher.finish() == *digest { Ok(()) } else { Err(WRONG.to_owned()) })
}

/// Bytes that are not there are lost; any other trouble may pass, and ends the copy.
fn unreadable(error: io::Error) -> Result<String, Error> {
    let told = error.get_ref().and_then(|told| told.downcast_ref::<wharf_blobs::Error>());
    if matches!(told, Some(wharf_blobs::Error::WrongSize { .. })) {
        return Ok(WRONG.to_owned());
    }
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::UnexpectedEof => Ok(MISSING.to_owned()),
        // What a disk says of a bad sector; the rest of the disk may be well.
        _ if error.raw_os_error() == Some(EIO) => Ok(format!("the disk cannot read it: {error}")),
        _ => Err(wharf_blobs::Error::from(error).into()),
    }
}

/// "Input/output error".
const EIO: i32 = 5;

const WRONG: &str = "its bytes are not those of the digest";
const MISSING: &str = "its bytes are missing";

fn list<'i>(ids: impl Iterator<Item = &'i String>) -> String {
    serde_json::Value::from_iter(ids.cloned()).to_string()
}

fn ids(page: &[(String,)]) -> String {
    list(page.iter().map(|(id,)| id))
}
