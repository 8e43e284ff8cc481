//! Objects under suspicion: as the store has them now, and put aside. What is wrong is decided by the registry.

use std::sync::Arc;

use object_store::ObjectStoreExt as _;

use super::{S3, judged};
use crate::{Content, Error, Object};

/// S3 copies no larger object in one request, in bytes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
const LARGEST_COPY: u64 = 5 << 30;

impl S3 {
    /// Asks for the size, whatever is remembered: an object that was replaced may have another one.
    pub(crate) async fn content_anew(self: &Arc<S3>, object: &Object) -> Result<Content, Error> {
        self.seen.invalidate(object);
        let size = self.head(object).await?;
        Ok(self.content(object, size))
    }

    /// Copies the object below `quarantine/` and deletes it, since S3 cannot rename.
    pub(crate) async fn quarantine(&self, object: &Object) -> Result<(), Error> {
        let size = match self.head(object).await {
            Ok(size) => size,
            Err(Error::Missing) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.seen.invalidate(object);
        if size > LARGEST_COPY {
            tracing::warn!(%object, size, "too large to be put aside; the sweep removes it after its grace");
            return Ok(());
        }
        let aside = self.path(&format!("quarantine/{}", object.as_str().replace('/', "-")));
        self.store.copy(&self.key(object), &aside).await.map_err(judged)?;
        self.delete(object).await
    }
}
