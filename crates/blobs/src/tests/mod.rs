//! What the store promises, on a real folder: writing in `write`, reading in `read`, what a sweep sees in `sweep`,
//! and failing disks in `faults`. Here is what they share.
#![allow(clippy::unwrap_used)]

mod faults;
mod object;
mod read;
mod sweep;
mod write;

use std::{convert::Infallible, future::Future, io};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tempfile::TempDir;
use uuid::Uuid;
use wharf_oci::{Algorithm, Digest, Hasher};

use crate::{Appended, Content, Error, Listed, Object, Options, Store};

const SHA256: Algorithm = Algorithm::Sha256;

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
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(future)
}

/// Bytes without a period that a misplaced copy could hide in.
fn content(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The bytes as a stream of frames of this length.
fn frames(bytes: &Bytes, length: usize) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let bytes = bytes.clone();
    let starts = (0..bytes.len()).step_by(length);
    stream::iter(starts.map(move |start| Ok(bytes.slice(start..bytes.len().min(start + length)))))
}

async fn append(store: &Store, id: Uuid, hasher: Hasher, bytes: &Bytes) -> Result<Appended, Error> {
    match store.append(id, hasher.length(), hasher, frames(bytes, 60_000), u64::MAX).await {
        Ok(appended) => Ok(appended),
        Err(crate::AppendError::Store(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

async fn begin(store: &Store, bytes: &Bytes) -> (Uuid, Appended) {
    let id = Uuid::now_v7();
    let appended = append(store, id, Hasher::new(SHA256), bytes).await.unwrap();
    (id, appended)
}

async fn push(store: &Store, bytes: &Bytes) -> Object {
    let (id, appended) = begin(store, bytes).await;
    promote(store, id, &appended.hasher.finish(), appended.received).await.unwrap()
}

async fn read(content: &Content, range: std::ops::Range<u64>) -> io::Result<Vec<u8>> {
    let chunks: Vec<Bytes> = content.read(range).try_collect().await?;
    Ok(chunks.concat())
}

async fn whole(store: &Store, object: &Object) -> Vec<u8> {
    let content = store.open(object).await.unwrap();
    read(&content, 0..content.size).await.unwrap()
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

/// Promotes under the name that the upload's own id gives.
async fn promote(store: &Store, id: Uuid, digest: &Digest, size: u64) -> Result<Object, Error> {
    let object = Object::new(digest, id);
    store.promote(id, &object, size).await.map(|()| object)
}
