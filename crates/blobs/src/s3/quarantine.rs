//! Objects under suspicion: as the store has them now, and put aside. What is wrong is decided by the registry.

use std::sync::Arc;

use object_store::ObjectStoreExt as _;

use super::{S3, judged};
use crate::{Aside, Content, Error, Object};

/// The largest object that is copied, in bytes. S3 would copy 5 GiB in one request, and answers when it is done, which
/// may take longer than a request is waited for.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
const LARGEST_COPY: u64 = 256 << 20;

impl S3 {
    /// Asks for the size, whatever is remembered: an object that was replaced may have another one.
    pub(crate) async fn content_anew(self: &Arc<S3>, object: &Object) -> Result<Content, Error> {
        self.seen.invalidate(object);
        let size = self.head(object).await?;
        Ok(self.content(object, size))
    }

    /// Copies the object below `quarantine/` and deletes it, since S3 cannot rename. A large one stays.
    pub(crate) async fn quarantine(&self, object: &Object) -> Result<Aside, Error> {
        let size = match self.head(object).await {
            Ok(size) => size,
            Err(Error::Missing) => return Ok(Aside::Moved),
            Err(error) => return Err(error),
        };
        self.seen.invalidate(object);
        if size > LARGEST_COPY {
            return Ok(Aside::Stays);
        }
        let aside = self.path(&format!("quarantine/{}", object.as_str().replace('/', "-")));
        self.store.copy(&self.key(object), &aside).await.map_err(judged)?;
        self.delete(object).await.map(|()| Aside::Moved)
    }
}
