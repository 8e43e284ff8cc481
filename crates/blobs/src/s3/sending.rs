//! What becomes of the bytes of one append: parts of a multipart upload while more follow, and a piece of its own for
//! a rest that is too small for a part. An upload that stays small is one object from the start and never multipart; one
//! with few bytes is none at all.

use std::{collections::VecDeque, iter, mem, ops::Range, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{PutPayload, multipart::MultipartStore as _};
use tokio::task::JoinHandle;
use uuid::Uuid;
use wharf_oci::Hasher;

use super::{LARGEST_PART, PART, S3, SMALLEST_PART, fault::judged, spool::Spool};
use crate::{
    End, Error, Object, Progress,
    busy::Claim,
    content,
    files::{append::Batch, joined},
    progress::{FEW, Multipart, Parts, Piece},
};

/// How many parts of one upload are on their way at the same time.
const IN_FLIGHT: usize = 2;
/// More pieces than these are put together to one.
const MOST_PIECES: usize = 16;
/// From this many parts on a rest must be as large as a usual part, so that 10,000 parts are enough for any layer.
const MANY_PARTS: usize = 5_000;
/// How many pieces are read or deleted at the same time.
const AT_ONCE: usize = 8;

/// One append at work.
pub(super) struct Sending {
    s3: Arc<S3>,
    session: Uuid,
    parts: Parts,
    received: u64,
    /// Of everything received but the batch that is being written.
    hasher: Hasher,
    /// A batch at work in a blocking thread, and the hash and the spool after it.
    writing: Option<JoinHandle<Result<(Hasher, Spool), Error>>>,
    spool: Option<Spool>,
    /// Where in the spool the bytes lie that are not sent.
    unsent: Range<u64>,
    in_flight: VecDeque<Sent>,
    /// Whether the multipart upload is this append's own, which nobody else knows of yet.
    has_begun: bool,
    _claim: Claim,
}

/// A part on its way; given up when it is dropped.
struct Sent(JoinHandle<Result<(String, u64), Error>>);

impl Drop for Sent {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Sending {
    pub(super) fn begin(
        s3: &Arc<S3>,
        session: Uuid,
        Progress { received, hasher, mut parts }: Progress,
    ) -> Result<Sending, Error> {
        if hasher.length() != received {
            return Err(Error::WrongState { hashed: hasher.length(), offset: received });
        }
        if parts.size() != received {
            return Err(Error::Gap { offset: received, held: parts.size() });
        }
        let claim = s3.busy.claim(session)?;
        // What replaced them is saved by now.
        let spent = mem::take(&mut parts.spent);
        if !spent.is_empty() {
            let s3 = Arc::clone(s3);
            tokio::spawn(async move { s3.clear(spent).await });
        }
        Ok(Sending {
            s3: Arc::clone(s3),
            session,
            parts,
            received,
            hasher,
            writing: None,
            spool: None,
            unsent: 0..0,
            in_flight: VecDeque::new(),
            has_begun: false,
            _claim: claim,
        })
    }

    /// Hashes and spools the batch while the caller collects the next one.
    pub(super) async fn take(mut self, batch: Batch) -> Result<Sending, Error> {
        match self.spool(batch).await {
            Ok(()) => Ok(self),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Brings the rest on its way, and waits until all is there.
    pub(super) async fn finish(mut self, batch: Batch, end: End) -> Result<Progress, Error> {
        match self.send_rest(batch, end).await {
            Ok(()) => {
                let Sending { received, hasher, parts, .. } = self;
                Ok(Progress { received, hasher, parts })
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Ends the append without a trace in the caller's progress, so a multipart upload that it began goes.
    pub(super) fn give_up(mut self) {
        self.in_flight.clear();
        let Some(multipart) = self.parts.multipart.take_if(|_| self.has_begun) else { return };
        let s3 = Arc::clone(&self.s3);
        tokio::spawn(async move {
            if let Err(error) = s3.abort(&multipart).await {
                let object = &multipart.object;
                tracing::warn!(%object, %error, "a multipart upload stays until the sweep");
            }
        });
    }

    fn fail(self, error: Error) -> Error {
        self.give_up();
        error
    }

    async fn spool(&mut self, batch: Batch) -> Result<(), Error> {
        self.rest().await?;
        while self.length() >= LARGEST_PART {
            self.send(PART).await?;
        }
        let (folder, spool, position) =
            (self.s3.spool.clone(), self.spool.clone(), self.unsent.end);
        // They are in the hash since they arrived.
        let few = mem::take(&mut self.parts.few);
        self.unsent.end += (few.len() + batch.bytes) as u64;
        self.received += batch.bytes as u64;
        let mut hasher = self.hasher.clone();
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let spool = spool.map_or_else(|| folder.spool(), Ok)?;
            spool.write(position, &few)?;
            let mut position = position + few.len() as u64;
            for frame in &batch.frames {
                hasher.update(frame);
                spool.write(position, frame)?;
                position += frame.len() as u64;
            }
            Ok((hasher, spool))
        }));
        Ok(())
    }

    /// Waits until everything taken is in the spool.
    async fn rest(&mut self) -> Result<(), Error> {
        if let Some(task) = self.writing.take() {
            let (hasher, spool) = joined(task).await?;
            self.hasher = hasher;
            self.spool = Some(spool);
        }
        Ok(())
    }

    /// Bytes that are in no part: the few or the tail from before, and what is in the spool.
    fn length(&self) -> u64 {
        let before = self.parts.few.len() as u64 + self.parts.tail_size();
        before + (self.unsent.end - self.unsent.start)
    }

    async fn send_rest(&mut self, batch: Batch, end: End) -> Result<(), Error> {
        let length = self.length() + batch.bytes as u64;
        if self.spool.is_none() && self.writing.is_none() && !self.makes_part(length, end) {
            return self.put_batch(batch, end).await;
        }
        self.spool(batch).await?;
        self.rest().await?;
        while self.length() >= LARGEST_PART {
            self.send(PART).await?;
        }
        if !self.makes_part(self.length(), end) {
            self.put_spooled(end).await?;
        }
        while self.makes_part(self.length(), end) {
            // Two that are large enough, rather than one that is larger than all others.
            let is_long = self.length() >= 2 * SMALLEST_PART;
            self.send(if is_long { self.length() / 2 } else { self.length() }).await?;
        }
        while !self.in_flight.is_empty() {
            self.confirm().await?;
        }
        Ok(())
    }

    /// Whether a rest of this length is sent as a part.
    fn makes_part(&self, length: u64, end: End) -> bool {
        let Some(multipart) = &self.parts.multipart else { return length >= LARGEST_PART };
        let sent = multipart.parts.len() + self.in_flight.len();
        let smallest = if sent < MANY_PARTS { SMALLEST_PART } else { PART };
        length >= smallest || (end == End::Last && length > 0)
    }

    /// Puts the bytes of a small append as a piece, without a detour over the spool; or keeps them, as long as the
    /// whole upload has few.
    async fn put_batch(&mut self, batch: Batch, end: End) -> Result<(), Error> {
        batch.frames.iter().for_each(|frame| self.hasher.update(frame));
        self.received += batch.bytes as u64;
        if batch.bytes == 0 {
            return Ok(());
        }
        let few = mem::take(&mut self.parts.few);
        let fresh = (few.len() + batch.bytes) as u64;
        let is_all = fresh == self.received;
        let frames = iter::once(few).chain(batch.frames);
        if is_all && fresh <= FEW {
            self.parts.few = frames.collect::<Vec<_>>().concat().into();
            return Ok(());
        }
        let joins = self.joins(end);
        let before = if joins { self.s3.gather(&self.parts.tail, None).await? } else { None };
        self.put(before.into_iter().chain(frames).collect(), fresh, joins).await
    }

    async fn put_spooled(&mut self, end: End) -> Result<(), Error> {
        let fresh = self.unsent.end - self.unsent.start;
        let Some(spool) = self.spool.clone().filter(|_| fresh > 0) else { return Ok(()) };
        let joins = self.joins(end);
        let before = if joins { self.parts.tail.as_slice() } else { &[] };
        let bytes = self.s3.gather(before, Some((spool, self.unsent.clone()))).await?;
        self.unsent.start = self.unsent.end;
        self.put(bytes.into_iter().collect(), fresh, joins).await
    }

    /// Whether the pieces from before are put again, together with the new one.
    fn joins(&self, end: End) -> bool {
        let tail = &self.parts.tail;
        !tail.is_empty() && (end == End::Last || tail.len() >= MOST_PIECES)
    }

    async fn put(&mut self, bytes: PutPayload, fresh: u64, joins: bool) -> Result<(), Error> {
        let object = Object::of_write(self.session, Uuid::new_v4());
        self.s3.put(&object, bytes).await?;
        let mut size = fresh;
        if joins {
            size += self.parts.tail_size();
            self.spend_tail();
        }
        self.parts.tail.push(Piece { object, size });
        Ok(())
    }

    fn spend_tail(&mut self) {
        self.parts.spent.extend(self.parts.tail.drain(..).map(|piece| piece.object));
    }

    /// Sends a part of `length` bytes, or the whole tail if that makes a part.
    async fn send(&mut self, length: u64) -> Result<(), Error> {
        while self.in_flight.len() >= IN_FLIGHT {
            self.confirm().await?;
        }
        let (key, id, before) = self.multipart().await?;
        let index = before + self.in_flight.len();
        let tail = self.parts.tail_size();
        let length = if tail >= SMALLEST_PART { tail } else { length };
        let range = self.unsent.start..self.unsent.start + (length - tail);
        self.unsent.start = range.end;
        self.parts.ended |= length < SMALLEST_PART;
        let spooled = self.spool.clone().map(|spool| (spool, range));
        let (s3, pieces) = (Arc::clone(&self.s3), self.parts.tail.clone());
        self.spend_tail();
        self.in_flight.push_back(Sent(tokio::spawn(async move {
            let bytes = s3.gather(&pieces, spooled).await?;
            let part = s3.store.put_part(&key, &id, index, bytes.into_iter().collect()).await;
            Ok((part.map_err(judged)?.content_id, length))
        })));
        Ok(())
    }

    /// The key and the id of the multipart upload, which is begun if there is none, and how many parts it has.
    async fn multipart(&mut self) -> Result<(object_store::path::Path, String, usize), Error> {
        if self.parts.multipart.is_none() {
            let object = Object::of_write(self.session, Uuid::new_v4());
            let id = self.s3.store.create_multipart(&self.s3.key(&object)).await.map_err(judged)?;
            self.has_begun = true;
            self.parts.multipart = Some(Multipart { object, id, parts: Vec::new() });
        }
        let Multipart { object, id, parts } =
            self.parts.multipart.as_ref().expect("it was made a line above");
        Ok((self.s3.key(object), id.clone(), parts.len()))
    }

    /// Waits for the oldest part on its way.
    async fn confirm(&mut self) -> Result<(), Error> {
        let Some(mut sent) = self.in_flight.pop_front() else { return Ok(()) };
        let part = joined_part(&mut sent.0).await?;
        let multipart = self.parts.multipart.as_mut().expect("a part has a multipart upload");
        multipart.parts.push(part);
        Ok(())
    }
}

async fn joined_part(
    task: &mut JoinHandle<Result<(String, u64), Error>>,
) -> Result<(String, u64), Error> {
    match task.await {
        Ok(outcome) => outcome,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(stopped) => Err(Error::Io(std::io::Error::other(stopped))),
        },
    }
}

impl S3 {
    /// The bytes of pieces and of the spool, one behind the other, in one of the few buffers: at most [`LARGEST_PART`].
    /// None when there are none.
    pub(super) async fn gather(
        self: &Arc<S3>,
        pieces: &[Piece],
        spooled: Option<(Spool, Range<u64>)>,
    ) -> Result<Option<Bytes>, Error> {
        let spooled = spooled.filter(|(_, range)| !range.is_empty());
        if pieces.is_empty() && spooled.is_none() {
            return Ok(None);
        }
        let mut buffer = self.buffers.take().await;
        for piece in pieces {
            let mut bytes =
                std::pin::pin!(self.content(&piece.object, piece.size).read(0..piece.size));
            while let Some(chunk) = bytes.next().await {
                buffer.push(&chunk.map_err(content::told)?);
            }
        }
        if let Some((spool, range)) = spooled {
            let read = move || {
                spool.read(range.start, buffer.extend((range.end - range.start) as usize))?;
                Ok(buffer)
            };
            buffer = crate::files::blocking(read).await?;
        }
        Ok(Some(buffer.freeze()))
    }

    /// Deletes objects that nothing names any more. What cannot be deleted is left to the sweep.
    pub(super) async fn clear(&self, objects: Vec<Object>) {
        let cleared = stream::iter(objects)
            .map(|object| async move { self.delete(&object).await })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>();
        if let Err(error) = cleared.await {
            tracing::warn!(%error, "bytes of an upload stay until the sweep");
        }
    }
}
