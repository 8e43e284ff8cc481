//! Tries at the start that the bucket does all that pushes and pulls need, rather than have the first push find out.
//! Everything lies under a `probe/` key of its own and is removed again.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use object_store::{ObjectStoreExt as _, PutPayload, multipart::MultipartStore as _, path::Path};
use uuid::Uuid;

use super::{S3, SMALLEST_PART, fault};
use crate::{Error, Unusable};

const CONTENT: &[u8] = b"Wharf tries whether this bucket can hold layers.";
/// The SHA-256 of nothing, which is not that of [`CONTENT`].
const WRONG_CHECKSUM: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/// What was tried, and what came of it.
type Failure = (&'static str, String);

impl S3 {
    pub(super) async fn probe(&self) -> Result<(), Error> {
        let own = format!("probe/{}", Uuid::new_v4());
        let (small, large, wrong) = (
            self.path(&format!("{own}/object")),
            self.path(&format!("{own}/multipart")),
            self.path(&format!("{own}/checksum")),
        );
        let outcome = match self.probe_objects(&small).await {
            Ok(()) => self.probe_multipart(&large).await,
            failed => failed,
        };
        let outcome = match outcome {
            Ok(()) => self.probe_checksum(&wrong).await,
            failed => failed,
        };
        for key in [&large, &wrong] {
            match self.store.delete(key).await.map_err(fault::judged) {
                Ok(()) | Err(Error::Missing) => {}
                Err(error) => tracing::warn!(%key, %error, "what was tried out stays there"),
            }
        }
        outcome.map_err(|(operation, reason)| {
            let endpoint = self.bucket.endpoint.clone();
            Unusable::Incapable { endpoint, operation, reason }.into()
        })
    }

    async fn probe_objects(&self, key: &Path) -> Result<(), Failure> {
        let store = &self.store;
        store.put(key, CONTENT.into()).await.map_err(failed("put an object"))?;
        let found = store.head(key).await.map_err(failed("ask for an object's length"))?;
        expect("ask for an object's length", found.size == CONTENT.len() as u64)?;
        let read = store.get(key).await.map_err(failed("get an object"))?;
        let read = read.bytes().await.map_err(failed("get an object"))?;
        expect("get an object", read == CONTENT)?;
        let read = store.get_range(key, 3..20).await.map_err(failed("get a range of an object"))?;
        expect("get a range of an object", read == CONTENT[3..20])?;
        store.delete(key).await.map_err(failed("delete an object"))?;
        let gone = store.head(key).await;
        expect("delete an object", matches!(gone, Err(object_store::Error::NotFound { .. })))
    }

    async fn probe_multipart(&self, key: &Path) -> Result<(), Failure> {
        let store = &self.store;
        let begin = "begin a multipart upload";
        let id = store.create_multipart(key).await.map_err(failed(begin))?;
        let parts = [Bytes::from(vec![0; SMALLEST_PART as usize]), Bytes::from_static(CONTENT)];
        let mut ids = Vec::new();
        for (index, part) in parts.into_iter().enumerate() {
            let part = store.put_part(key, &id, index, part.into()).await;
            ids.push(part.map_err(failed("put a part"))?);
        }
        let complete = "complete a multipart upload";
        store.complete_multipart(key, &id, ids).await.map_err(failed(complete))?;
        let found = store.head(key).await.map_err(failed(complete))?;
        expect(complete, found.size == SMALLEST_PART + CONTENT.len() as u64)?;
        let id = store.create_multipart(key).await.map_err(failed(begin))?;
        let abort = "abort a multipart upload";
        store.abort_multipart(key, &id).await.map_err(failed(abort))
    }

    /// A store that takes bytes which are not those that were sent would keep a layer that no client can use. Many
    /// stores do not compare, so that is only warned of.
    async fn probe_checksum(&self, key: &Path) -> Result<(), Failure> {
        let what = "put an object with a checksum";
        let right = PutPayload::from_static(CONTENT);
        self.store.put(key, right).await.map_err(failed(what))?;
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-checksum-sha256", HeaderValue::from_static(WRONG_CHECKSUM));
        let content = Bytes::from_static(CONTENT);
        let sent = self.bucket.send(Method::PUT, key.as_ref(), &[], headers, content).await;
        let answer = sent.map_err(|error| (what, fault::chain(&error)))?;
        if answer.status.is_success() {
            tracing::warn!(
                endpoint = self.bucket.endpoint,
                "the S3 store takes bytes with a wrong checksum: it will not notice what is damaged on the way to it"
            );
        }
        Ok(())
    }
}

fn failed(operation: &'static str) -> impl Fn(object_store::Error) -> Failure {
    move |error| (operation, fault::chain(&error))
}

fn expect(operation: &'static str, is_right: bool) -> Result<(), Failure> {
    if is_right { Ok(()) } else { Err((operation, "the answer is not what was put".to_owned())) }
}
