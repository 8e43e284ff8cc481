//! What the store promises: writing in `write`, reading in `read`, what a sweep sees in `sweep`, each on both engines;
//! what is put aside in `quarantine`; whose bytes they are in `mark`; what only files do in `disk`, failing disks in `faults`; what only S3 does in `s3`, a failing S3 in `outages`, a
//! start that cannot be in `unusable`. Here is what they share.
#![allow(clippy::unwrap_used)]

mod disk;
mod faults;
mod mark;
mod object;
mod outages;
mod quarantine;
mod read;
mod s3;
mod sweep;
#[path = "../../../testkit/src/s3.rs"]
#[allow(dead_code, reason = "the other crates' tests use the rest")]
mod throwaway;
mod unusable;
mod write;

use std::{convert::Infallible, future::Future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tempfile::TempDir;
use uuid::Uuid;
use wharf_oci::{Algorithm, Digest};

use crate::{
    Content, End, Error, Listed, Object, Options, Parts, Progress, S3Settings, Store,
    s3::{Environment, S3, Timing},
};

const SHA256: Algorithm = Algorithm::Sha256;
const MIB: usize = 1 << 20;

/// A store for one test, and what it lies on.
struct House {
    store: Store,
    folder: TempDir,
    /// The server, where the engine is S3.
    server: Option<Arc<throwaway::S3>>,
}

impl House {
    fn of_files() -> House {
        let (folder, store) = fresh();
        House { store, folder, server: None }
    }

    async fn of_s3() -> House {
        let server = Arc::new(throwaway::S3::start().unwrap());
        House::at(server).await
    }

    /// Another replica on the same server.
    async fn at(server: Arc<throwaway::S3>) -> House {
        let folder = tempfile::tempdir().unwrap();
        let store = connect(settings(&server, &folder), quick()).await.unwrap();
        House { store, folder, server: Some(server) }
    }

    fn server(&self) -> &throwaway::S3 {
        self.server.as_ref().unwrap()
    }

    /// The store as another replica, or the next process, has it.
    async fn again(&self) -> Store {
        match &self.server {
            None => reopened(&self.folder),
            Some(server) => connect(settings(server, &self.folder), quick()).await.unwrap(),
        }
    }
}

fn settings(server: &throwaway::S3, folder: &TempDir) -> S3Settings {
    S3Settings {
        bucket: throwaway::BUCKET.to_owned(),
        prefix: "some/where".to_owned(),
        endpoint: Some(server.endpoint.clone()),
        redirect: true,
        spool: folder.path().join("spool"),
        credentials_file: Some(server.credentials_file()),
        ..S3Settings::default()
    }
}

/// Patience for a server in the same process.
fn quick() -> Timing {
    Timing {
        first_byte: Duration::from_millis(1_500),
        complete: Duration::from_secs(4),
        slowest: 64 << 20,
        idle: Duration::from_millis(1_500),
        retries: 2,
        patience: Duration::from_secs(10),
        ..Timing::default()
    }
}

async fn connect(settings: S3Settings, timing: Timing) -> Result<Store, Error> {
    let environment = Environment::of(Vec::new());
    Ok(Store::of_s3(S3::open_in(settings, &environment, timing).await?))
}

/// Makes two tests of each function named, which is an `async fn(House)`.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod files {
            $(#[test] fn $name() {
                $crate::tests::block_on(super::$name($crate::tests::House::of_files()));
            })+
        }
        mod s3 {
            $(#[test] fn $name() {
                $crate::tests::block_on(async { super::$name($crate::tests::House::of_s3().await).await });
            })+
        }
    };
}
use on_both;

/// A new store in a folder that goes when the test ends.
fn fresh() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = reopened(&folder);
    (folder, store)
}

fn reopened(folder: &TempDir) -> Store {
    Store::files(&folder.path().join("store"), Options::default()).unwrap()
}

/// Properties call async code from closures that are not.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.unwrap().block_on(future)
}

/// Bytes without a period that a misplaced copy could hide in.
fn content(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = vec![0; length];
    for piece in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        piece.copy_from_slice(&state.to_le_bytes()[..piece.len()]);
    }
    bytes.into()
}

/// The bytes as a stream of frames of this length.
fn frames(bytes: &Bytes, length: usize) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let bytes = bytes.clone();
    let starts = (0..bytes.len()).step_by(length);
    stream::iter(starts.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + length)))))
}

async fn append(
    store: &Store,
    session: Uuid,
    progress: Progress,
    bytes: &Bytes,
) -> Result<Progress, Error> {
    append_to(store, session, progress, bytes, End::More).await
}

async fn append_to(
    store: &Store,
    session: Uuid,
    progress: Progress,
    bytes: &Bytes,
    end: End,
) -> Result<Progress, Error> {
    match store.append(session, progress, frames(bytes, 60_000), u64::MAX, end).await {
        Ok(progress) => Ok(progress),
        Err(crate::AppendError::Store(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

async fn begin(store: &Store, bytes: &Bytes) -> (Uuid, Progress) {
    let session = Uuid::new_v4();
    let progress = append(store, session, Progress::new(SHA256), bytes).await.unwrap();
    (session, progress)
}

async fn push(store: &Store, bytes: &Bytes) -> Object {
    let (session, progress) = begin(store, bytes).await;
    promote(store, session, &progress).await.unwrap()
}

/// Promotes under the name that the store gives.
async fn promote(store: &Store, session: Uuid, progress: &Progress) -> Result<Object, Error> {
    let digest = progress.hasher.clone().finish();
    let object = store.name(session, &progress.parts, &digest);
    store.promote(session, progress, &object).await.map(|()| object)
}

async fn place(store: &Store, bytes: &Bytes) -> Result<Object, Error> {
    let object = store.name(Uuid::new_v4(), &Parts::default(), &digest(bytes));
    store.place(&object, bytes.clone()).await.map(|()| object)
}

/// As the row keeps it between two requests.
fn saved(progress: &Progress) -> Progress {
    let hasher = wharf_oci::Hasher::restore(&progress.hasher.save()).unwrap();
    let parts = Parts::restore(&progress.parts.save()).unwrap();
    Progress { received: progress.received, hasher, parts }
}

async fn read(content: &Content, range: std::ops::Range<u64>) -> io::Result<Vec<u8>> {
    let chunks: Vec<Bytes> = content.read(range).try_collect().await?;
    Ok(chunks.concat())
}

/// Whether the object holds exactly these bytes.
async fn holds(store: &Store, object: &Object, bytes: &[u8]) -> bool {
    let content = store.open(object, bytes.len() as u64).await.unwrap();
    read(&content, 0..content.size).await.unwrap() == bytes
}

async fn uploads(store: &Store) -> Vec<Listed<Uuid>> {
    store.uploads().map(Result::unwrap).collect().await
}

async fn objects(store: &Store) -> Vec<Listed<Object>> {
    store.objects().map(Result::unwrap).collect().await
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(SHA256, bytes)
}
