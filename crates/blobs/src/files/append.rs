//! Appending to an upload. Frames are collected into batches; one blocking task hashes and writes a batch while the
//! next one fills, so an upload never holds more than two batches in memory. Nothing is flushed here.

use std::{fs::File, mem, pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use rustix::fs::OFlags;
use tokio::task::JoinHandle;
use uuid::Uuid;
use wharf_oci::Hasher;

use super::{Files, disk::MOST_PIECES, joined};
use crate::{AppendError, Error, Parts, Progress, busy::Claim};

/// A batch is written when it holds this many bytes. Measured with 256 MiB of 64 KiB frames: at 512 KiB the allocator
/// gives each batch back to the system and takes it again, which costs eight times the page faults and a third more
/// CPU; 64 parallel pushes then hold twice as much, too. Much smaller ones make the hand-over between threads felt.
pub(crate) const BATCH_BYTES: usize = 256 * 1024;

impl Files {
    pub(crate) async fn append<S, E>(
        self: &Arc<Files>,
        session: Uuid,
        progress: Progress,
        bytes: S,
        limit: u64,
    ) -> Result<Progress, AppendError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let mut room = limit.saturating_sub(progress.received);
        let mut pen = Pen::Resting(Writing::begin(self, session, progress)?);
        let mut batch = Batch::default();
        let mut broken = None;
        let mut bytes = pin!(bytes);
        while let Some(frame) = bytes.next().await {
            match frame {
                Ok(frame) => match room.checked_sub(frame.len() as u64) {
                    Some(left) => {
                        room = left;
                        batch.push(frame);
                    }
                    None => {
                        pen.rest().await?;
                        return Err(AppendError::TooLarge { limit });
                    }
                },
                Err(source) => {
                    broken = Some(source);
                    break;
                }
            }
            if batch.is_full() {
                pen = pen.write(mem::take(&mut batch)).await?;
            }
        }
        let appended = pen.finish(batch).await?;
        match broken {
            Some(source) => Err(AppendError::Stream { source, appended: Box::new(appended) }),
            None => Ok(appended),
        }
    }
}

/// Frames that are waiting to be written together.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) frames: Vec<Bytes>,
    /// The sum of their lengths.
    pub(crate) bytes: usize,
}

impl Batch {
    pub(crate) fn push(&mut self, frame: Bytes) {
        if !frame.is_empty() {
            self.bytes += frame.len();
            self.frames.push(frame);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.frames.len() >= MOST_PIECES
    }
}

/// The writing of one upload, either at rest here or at work in a blocking thread.
enum Pen {
    Resting(Box<Writing>),
    Writing(JoinHandle<Result<Box<Writing>, Error>>),
}

impl Pen {
    /// Waits for the batch before, then hands this one to a blocking thread.
    async fn write(self, batch: Batch) -> Result<Pen, Error> {
        let writing = self.rest().await?;
        Ok(Pen::Writing(tokio::task::spawn_blocking(move || writing.write(&batch))))
    }

    async fn rest(self) -> Result<Box<Writing>, Error> {
        match self {
            Pen::Resting(writing) => Ok(writing),
            Pen::Writing(task) => joined(task).await,
        }
    }

    /// Writes what is left. An append without bytes still opens the file, to begin the upload or to check it.
    async fn finish(self, batch: Batch) -> Result<Progress, Error> {
        let mut writing = self.rest().await?;
        if writing.file.is_none() || !batch.frames.is_empty() {
            writing = joined(tokio::task::spawn_blocking(move || writing.write(&batch))).await?;
        }
        let Writing { hasher, received, .. } = *writing;
        Ok(Progress { received, hasher, parts: Parts::default() })
    }
}

/// What a blocking thread needs to go on with an upload.
struct Writing {
    files: Arc<Files>,
    session: Uuid,
    /// Opened by the first batch, so that a small upload costs one blocking task.
    file: Option<File>,
    /// Where this append began: what the caller still knows when it fails.
    offset: u64,
    hasher: Hasher,
    received: u64,
    _claim: Claim,
}

impl Writing {
    fn begin(
        files: &Arc<Files>,
        session: Uuid,
        Progress { received: offset, hasher, .. }: Progress,
    ) -> Result<Box<Writing>, Error> {
        files.disk.writable()?;
        if hasher.length() != offset {
            return Err(Error::WrongState { hashed: hasher.length(), offset });
        }
        let claim = files.busy.claim(session)?;
        Ok(Box::new(Writing {
            files: Arc::clone(files),
            session,
            file: None,
            offset,
            hasher,
            received: offset,
            _claim: claim,
        }))
    }

    fn write(mut self: Box<Writing>, batch: &Batch) -> Result<Box<Writing>, Error> {
        self.files.disk.writable()?;
        let file = match self.file.take() {
            Some(file) => file,
            None => self.files.open_upload(self.session, self.offset)?,
        };
        for frame in &batch.frames {
            self.hasher.update(frame);
        }
        let written = self.files.disk.write(&file, &batch.frames, self.received);
        if let Err(error) = written {
            self.take_back(&file, &error);
            return Err(error);
        }
        self.received += batch.bytes as u64;
        self.file = Some(file);
        Ok(self)
    }

    /// Gives the room of a refused append back to a full disk. A failed disk is left alone.
    fn take_back(&self, file: &File, error: &Error) {
        if matches!(error, Error::Failed(_)) {
            return;
        }
        if let Err(error) = self.files.disk.cut(file, self.offset) {
            // The next append or the sweep of uploads removes it.
            tracing::warn!(session = %self.session, %error, "a refused append still takes room");
        }
    }
}

impl Files {
    /// Opens the upload's file for an append at `offset`, and cuts off what lies beyond.
    fn open_upload(&self, session: Uuid, offset: u64) -> Result<File, Error> {
        let create = if offset == 0 { OFlags::CREATE } else { OFlags::empty() };
        let file = self.disk.open(&self.uploads, &session.to_string(), create)?;
        let held = file.metadata()?.len();
        if held < offset {
            return Err(Error::Gap { offset, held });
        }
        if held > offset {
            self.disk.cut(&file, offset)?;
        }
        Ok(file)
    }
}
