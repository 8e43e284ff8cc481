//! What ends an upload: it becomes an object, or it goes. An object counts once its length has been asked for and is
//! right; until then any answer may have been lost.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::{
    PutPayload,
    multipart::{MultipartStore as _, PartId},
};
use uuid::Uuid;
use wharf_oci::{Algorithm, Digest, Hasher};

use super::{S3, fault::judged};
use crate::{
    Error, Object, Parts, Progress, SMALL_BLOB, content,
    progress::{Multipart, Piece},
};

impl S3 {
    pub(crate) async fn promote(
        self: &Arc<S3>,
        session: Uuid,
        progress: &Progress,
        object: &Object,
    ) -> Result<(), Error> {
        let _claim = self.busy.claim(session)?;
        self.assemble(progress, object).await?;
        let leftovers = leftovers(&progress.parts);
        self.clear(leftovers.filter(|leftover| leftover != object).collect()).await;
        Ok(())
    }

    /// Makes the upload one object with this name, if it is none yet.
    async fn assemble(self: &Arc<S3>, progress: &Progress, object: &Object) -> Result<(), Error> {
        let Progress { received, parts, .. } = progress;
        if parts.size() != *received {
            return Err(Error::WrongSize { expected: *received, held: parts.size() });
        }
        let joined = match (&parts.multipart, parts.tail.as_slice()) {
            (Some(multipart), tail) => self.complete(multipart, tail).await,
            (None, [whole]) if whole.object == *object => Ok(()),
            (None, _) => self.join(parts, object).await,
        };
        // Whatever was answered, or was not: the object is there with all its bytes, or it is not.
        match (joined, self.head(object).await) {
            (_, Ok(held)) if held == *received => Ok(()),
            (Err(error), _) => Err(error),
            (Ok(()), Ok(held)) => Err(Error::WrongSize { expected: *received, held }),
            (Ok(()), Err(error)) => Err(error),
        }
    }

    async fn complete(
        self: &Arc<S3>,
        Multipart { object, id, parts }: &Multipart,
        tail: &[Piece],
    ) -> Result<(), Error> {
        let key = self.key(object);
        let ids = parts.iter().map(|(id, _)| PartId { content_id: id.clone() });
        let mut ids: Vec<PartId> = ids.collect();
        if let Some(bytes) = self.gather(tail, None).await? {
            let last = self.store.put_part(&key, id, ids.len(), bytes.into()).await;
            ids.push(last.map_err(judged)?);
        }
        self.store.complete_multipart(&key, id, ids).await.map(drop).map_err(judged)
    }

    async fn join(self: &Arc<S3>, parts: &Parts, object: &Object) -> Result<(), Error> {
        let bytes = self.gather(&parts.tail, None).await?.unwrap_or_else(|| parts.few.clone());
        self.put(object, bytes.into()).await
    }

    pub(crate) async fn place(&self, object: &Object, bytes: Bytes) -> Result<(), Error> {
        self.put(object, PutPayload::from(bytes)).await?;
        self.seen.insert(object.clone(), ());
        Ok(())
    }

    pub(crate) async fn hash(
        self: &Arc<S3>,
        session: Uuid,
        progress: &mut Progress,
        algorithm: Algorithm,
    ) -> Result<Digest, Error> {
        let claim = self.busy.claim(session)?;
        let mut hasher = Hasher::new(algorithm);
        let size = progress.received;
        hasher.update(&progress.parts.few);
        if hasher.length() < size {
            let object = S3::name(session, &progress.parts);
            self.assemble(progress, &object).await?;
            let spent = leftovers(&progress.parts).filter(|leftover| *leftover != object);
            let spent = spent.collect();
            let tail = vec![Piece { object: object.clone(), size }];
            progress.parts = Parts { tail, spent, ended: true, ..Parts::default() };
            let mut bytes = pin!(self.content(&object, size).read(0..size));
            while let Some(chunk) = bytes.next().await {
                hasher.update(&chunk.map_err(content::told)?);
            }
        }
        drop(claim);
        Ok(hasher.finish())
    }

    pub(crate) async fn uploaded(
        self: &Arc<S3>,
        session: Uuid,
        progress: &Progress,
    ) -> Result<Bytes, Error> {
        let Progress { received, parts, .. } = progress;
        if *received > SMALL_BLOB {
            return Err(Error::TooLarge { limit: SMALL_BLOB });
        }
        if parts.multipart.is_some() || parts.size() != *received {
            return Err(Error::WrongSize { expected: *received, held: parts.size() });
        }
        let _claim = self.busy.claim(session)?;
        // A copy of the right size, so that none of the few large buffers is kept.
        let joined = self.gather(&parts.tail, None).await?;
        Ok(joined.map_or_else(|| parts.few.clone(), |bytes| Bytes::copy_from_slice(&bytes)))
    }

    pub(crate) async fn discard(
        self: &Arc<S3>,
        session: Uuid,
        parts: Option<&Parts>,
    ) -> Result<(), Error> {
        let Some(parts) = parts else {
            for multipart in self.multiparts_of(session).await? {
                self.abort(&multipart).await?;
            }
            return Ok(());
        };
        if let Some(multipart) = &parts.multipart {
            self.abort(multipart).await?;
        }
        for leftover in leftovers(parts) {
            self.delete(&leftover).await?;
        }
        Ok(())
    }

    /// Ends a multipart upload and its parts, if it still is one.
    pub(super) async fn abort(
        &self,
        Multipart { object, id, .. }: &Multipart,
    ) -> Result<(), Error> {
        match self.store.abort_multipart(&self.key(object), id).await.map_err(judged) {
            Err(Error::Missing) => Ok(()),
            outcome => outcome,
        }
    }
}

/// The objects of an upload, besides its multipart upload's.
fn leftovers(parts: &Parts) -> impl Iterator<Item = Object> + use<'_> {
    let tail = parts.tail.iter().map(|piece| &piece.object);
    tail.chain(&parts.spent).cloned()
}
