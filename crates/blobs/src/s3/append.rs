//! Appending to an upload. Frames are collected into batches; one blocking task hashes and spools a batch while the next
//! one fills. What becomes of the spooled bytes is in `sending`.

use std::{mem, pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use uuid::Uuid;

use super::{S3, sending::Sending};
use crate::{
    AppendError, End, Error, Progress,
    files::append::{BATCH_BYTES, Batch},
};

impl S3 {
    pub(crate) async fn append<S, E>(
        self: &Arc<S3>,
        session: Uuid,
        progress: Progress,
        bytes: S,
        limit: u64,
        end: End,
    ) -> Result<Progress, AppendError<E>>
    where
        S: Stream<Item = Result<Bytes, E>>,
    {
        let mut room = limit.saturating_sub(progress.received);
        let is_ended = progress.parts.ended;
        let mut sending = Sending::begin(self, session, progress)?;
        let mut batch = Batch::default();
        let mut broken = None;
        let mut bytes = pin!(bytes);
        while let Some(frame) = bytes.next().await {
            let mut frame = match frame {
                Ok(frame) => frame,
                Err(source) => {
                    broken = Some(source);
                    break;
                }
            };
            if is_ended && !frame.is_empty() {
                return Err(Error::Ended.into());
            }
            let Some(left) = room.checked_sub(frame.len() as u64) else {
                sending.give_up();
                return Err(AppendError::TooLarge { limit });
            };
            room = left;
            while !frame.is_empty() {
                batch.push(frame.split_to(frame.len().min(BATCH_BYTES)));
                if batch.is_full() {
                    sending = sending.take(mem::take(&mut batch)).await?;
                }
            }
        }
        let end = if broken.is_some() { End::More } else { end };
        let appended = sending.finish(batch, end).await?;
        match broken {
            Some(source) => Err(AppendError::Stream { source, appended: Box::new(appended) }),
            None => Ok(appended),
        }
    }
}
