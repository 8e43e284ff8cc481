//! The engine that keeps bytes in a bucket of S3: what its operations share. What the operator sets is in `settings`
//! and `credentials`, whether the bucket serves in `check` and `probe`, requests in `bucket` and `transport`, appending
//! in `append`, `sending` and `spool`, what ends an upload in `finish`, reading in `read`, listing in `list`.
//!
//! Every write goes to a key that was never used before ([`Object::of_write`]): what two replicas write for one session
//! at the same time cannot mix, and only what the upload's row names counts.

mod append;
mod bucket;
mod buffers;
mod check;
mod credentials;
mod fault;
mod finish;
mod list;
mod mark;
mod probe;
mod quarantine;
mod read;
mod sending;
mod settings;
mod spool;
mod transport;

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use object_store::{
    ObjectStoreExt as _, PutPayload, aws::AmazonS3, path::Path, signer::Signer as _,
};
use uuid::Uuid;

pub(crate) use self::read::Remote;
pub use self::settings::S3Settings;
use self::{bucket::Bucket, buffers::Buffers, fault::judged, spool::SpoolFolder};
pub(crate) use self::{settings::Environment, transport::Timing};
use crate::{Error, Object, Parts, busy::Busy};

/// All parts but the last have at least this many bytes: S3's own bound.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const SMALLEST_PART: u64 = 5 << 20;
/// What a part usually has, in bytes. 10,000 parts, S3's most, then hold more than ECR's largest layer (52,000 MiB).
const PART: u64 = 6 << 20;
/// No part, and no piece of an upload, has more bytes than this.
const LARGEST_PART: u64 = SMALLEST_PART + PART;
/// How many parts may be in memory at the same time, in the whole process.
pub(crate) const PARTS_IN_MEMORY: usize = 6;
/// How long an object that was there is taken to be there.
const REMEMBERED: Duration = Duration::from_secs(30);
/// How many objects are remembered.
const MOST_REMEMBERED: u64 = 10_000;

/// One bucket, and a prefix in it.
pub(crate) struct S3 {
    store: AmazonS3,
    /// For URLs that are given away; None when they are not.
    public: Option<AmazonS3>,
    bucket: Bucket,
    prefix: Path,
    spool: SpoolFolder,
    buffers: Buffers,
    busy: Arc<Busy>,
    seen: Cache<Object, ()>,
}

impl S3 {
    pub(crate) async fn open(settings: S3Settings) -> Result<S3, Error> {
        let environment = Environment::of_process();
        S3::open_in(settings, &environment, Timing::default()).await
    }

    /// Opens with what a test wants to be different.
    pub(crate) async fn open_in(
        settings: S3Settings,
        environment: &Environment,
        timing: Timing,
    ) -> Result<S3, Error> {
        let spool = SpoolFolder::open(&settings.spool)?;
        let settings::Connected { store, public, bucket, prefix } =
            settings.connect(environment, timing)?;
        bucket.check().await?;
        let s3 = S3 {
            store,
            public,
            bucket,
            prefix,
            spool,
            buffers: Buffers::new(PARTS_IN_MEMORY, LARGEST_PART as usize),
            busy: Arc::default(),
            seen: Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(REMEMBERED).build(),
        };
        s3.probe().await?;
        Ok(s3)
    }

    /// The name that an upload will have: what its bytes already lie under, or a new one.
    pub(crate) fn name(session: Uuid, parts: &Parts) -> Object {
        match (&parts.multipart, parts.tail.as_slice()) {
            (Some(multipart), _) => multipart.object.clone(),
            (None, [whole]) => whole.object.clone(),
            (None, _) => Object::of_write(session, Uuid::new_v4()),
        }
    }

    fn key(&self, object: &Object) -> Path {
        self.path(object.as_str())
    }

    fn path(&self, below: &str) -> Path {
        self.prefix.parts().chain(Path::from(below).parts()).collect()
    }

    /// Puts an object, with a checksum that the store compares.
    async fn put(&self, object: &Object, bytes: PutPayload) -> Result<(), Error> {
        self.store.put(&self.key(object), bytes).await.map(drop).map_err(judged)
    }

    /// The size of an object, in bytes. [`Error::Missing`] when it is not there.
    async fn head(&self, object: &Object) -> Result<u64, Error> {
        let found = self.store.head(&self.key(object)).await.map_err(judged)?;
        self.seen.insert(object.clone(), ());
        Ok(found.size)
    }

    pub(crate) async fn exists(&self, object: &Object, size: u64) -> Result<bool, Error> {
        if self.seen.contains_key(object) {
            return Ok(true);
        }
        match self.head(object).await {
            Ok(held) if held == size => Ok(true),
            Ok(_) => {
                self.seen.invalidate(object);
                Ok(false)
            }
            Err(Error::Missing) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn delete(&self, object: &Object) -> Result<(), Error> {
        let deleted = self.store.delete(&self.key(object)).await.map_err(judged);
        // After the delete, as somebody may have seen the object a moment before.
        self.seen.invalidate(object);
        match deleted {
            Err(Error::Missing) => Ok(()),
            outcome => outcome,
        }
    }

    pub(crate) async fn signed_url(
        &self,
        object: &Object,
        lifetime: Duration,
    ) -> Result<Option<String>, Error> {
        let Some(public) = &self.public else { return Ok(None) };
        let signed = public.signed_url(http::Method::GET, &self.key(object), lifetime).await;
        Ok(Some(signed.map_err(judged)?.into()))
    }
}
