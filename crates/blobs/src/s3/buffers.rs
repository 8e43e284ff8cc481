//! The memory of all parts on their way to S3: a few buffers for the whole process, however many uploads there are. A
//! buffer is held while a part is read from the spool and sent, never while a client is waited for.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Clone)]
pub(super) struct Buffers {
    permits: Arc<Semaphore>,
    /// Those that are not held. They keep their memory, so that it is not asked for and given back all the time.
    resting: Arc<Mutex<Vec<Vec<u8>>>>,
    capacity: usize,
}

/// A buffer, until it is dropped, or all the bytes that were made from it.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    resting: Arc<Mutex<Vec<Vec<u8>>>>,
    _permit: OwnedSemaphorePermit,
}

impl Buffers {
    /// At most `most` buffers, each for up to `capacity` bytes. Those never needed are never made.
    pub(super) fn new(most: usize, capacity: usize) -> Buffers {
        Buffers { permits: Arc::new(Semaphore::new(most)), resting: Arc::default(), capacity }
    }

    /// An empty buffer, as soon as there is one.
    pub(super) async fn take(&self) -> Buffer {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let rested = self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = rested.unwrap_or_else(|| Vec::with_capacity(self.capacity));
        Buffer { bytes, resting: Arc::clone(&self.resting), _permit: permit }
    }
}

impl Buffer {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Room for `length` more bytes, to be read into.
    pub(super) fn extend(&mut self, length: usize) -> &mut [u8] {
        let start = self.bytes.len();
        self.bytes.resize(start + length, 0);
        &mut self.bytes[start..]
    }

    /// The content. The buffer is free again when the last clone is gone.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}
