//! The mark as an object below the prefix.

use bytes::Bytes;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use super::{S3, fault::chain, judged};
use crate::{
    Error,
    installation::{LONGEST, MARK},
};

impl S3 {
    pub(crate) async fn read_mark(&self) -> Result<Option<Vec<u8>>, Error> {
        let found = match self.store.get(&self.path(MARK)).await.map_err(judged) {
            Ok(found) => found,
            Err(Error::Missing) => return Ok(None),
            Err(error) => return Err(error),
        };
        if found.meta.size > LONGEST {
            // What is too long is refused by whoever reads it.
            return Ok(Some(vec![0; LONGEST as usize + 1]));
        }
        Ok(Some(found.bytes().await.map_err(judged)?.to_vec()))
    }

    /// Replaces nothing, where the store knows a put that does not.
    pub(crate) async fn write_mark(&self, bytes: Bytes) -> Result<(), Error> {
        let key = self.path(MARK);
        let payload = PutPayload::from_bytes(bytes);
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&key, payload.clone(), create).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(error) if chain(&error).contains("NotImplemented") => {
                self.store.put(&key, payload).await.map(drop).map_err(judged)
            }
            Err(error) => Err(judged(error)),
        }
    }
}
