//! What can go wrong with stored bytes. The wire codes of these errors are the registry's business.

use std::{fmt, io};

use crate::Progress;

/// Why an operation on the store did not happen. What an error says about the bytes on disk is told at each variant.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such upload or object.
    #[error("the bytes are not in the store")]
    Missing,
    /// The disk or the quota is exhausted (`ENOSPC`, `EDQUOT`). The upload keeps what it held before, except when the
    /// failing step was a flush: what the disk then holds is unknown, and the upload is gone.
    #[error("the disk of the blob store is full")]
    Full,
    /// The disk did not keep its word (`EIO`, a failed flush, a file system that became read-only). The store refuses
    /// every later write until it is opened anew; reads go on.
    #[error("the blob store failed and takes no more writes: {0}")]
    Failed(#[source] io::Error),
    /// Another call is writing to this upload right now.
    #[error("the upload is being written by another request")]
    Busy,
    /// More bytes than allowed.
    #[error("more than the allowed {limit} bytes")]
    TooLarge {
        /// The most bytes allowed.
        limit: u64,
    },
    /// The upload does not hold exactly the bytes that the caller counted. Nothing was promoted.
    #[error("the upload holds {held} bytes, not {expected}")]
    WrongSize {
        /// What the caller counted, in bytes.
        expected: u64,
        /// The length of the upload's file, in bytes.
        held: u64,
    },
    /// An append would leave a hole: the upload's file ends before the offset.
    #[error("the upload holds {held} bytes and cannot go on at offset {offset}")]
    Gap {
        /// Where the caller wanted to go on.
        offset: u64,
        /// The length of the upload's file, in bytes.
        held: u64,
    },
    /// The hash state covers another number of bytes than the offset says.
    #[error("the hash state covers {hashed} bytes, the offset is {offset}")]
    WrongState {
        /// Bytes that went into the hash state.
        hashed: u64,
        /// Where the caller wanted to go on.
        offset: u64,
    },
    /// The folder was laid out by another version of Wharf.
    #[error(
        "the blob store has the unknown layout {found:?}; this version of Wharf knows {known:?}"
    )]
    Layout {
        /// First line of the `layout` file.
        found: String,
        /// The layout that this version writes and reads.
        known: &'static str,
    },
    /// `blobs` and `uploads` are on different devices, so that a rename between them cannot be atomic.
    #[error("the folders `blobs` and `uploads` of the blob store are on different devices")]
    Devices,
    /// The object store did not do what was asked, after as many tries as are allowed: it does not answer, or answers
    /// that it is too busy. The same request may succeed later.
    #[error("the object store does not serve: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The object store refuses what was asked: the credentials have expired or may not do it, or the bucket is gone.
    #[error("the object store refuses: {0}")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The object store cannot be used as it is configured. The text says what to do.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The upload was ended by [`End::Last`](crate::End::Last), or hashed anew, and takes no more bytes.
    #[error("the upload was ended and takes no more bytes")]
    Ended,
    /// Any other refusal of the operating system, for instance too many open files.
    #[error("the blob store: {0}")]
    Io(#[from] io::Error),
}

/// Why a store cannot begin to work with an S3 bucket.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A setting cannot be what it is.
    #[error("{setting} of the S3 store: {reason}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What is wrong with it and what it should be.
        reason: String,
    },
    /// Nowhere are there credentials, or they cannot be read.
    #[error("no credentials for the S3 store: {0}")]
    Credentials(String),
    /// Nothing answers at the endpoint.
    #[error("the S3 store at {endpoint} cannot be reached: {reason}")]
    Unreachable {
        /// The URL that was asked.
        endpoint: String,
        /// What happened, and what to look at.
        reason: String,
    },
    /// The store answered, and the answer is a refusal.
    #[error("the S3 store at {endpoint} refuses the bucket {bucket}: {reason}")]
    Refuses {
        /// The URL that was asked.
        endpoint: String,
        /// The bucket's name.
        bucket: String,
        /// What the store said, and what to do.
        reason: String,
    },
    /// The store does not do something that is needed.
    #[error("the S3 store at {endpoint} cannot hold layers: {operation}: {reason}")]
    Incapable {
        /// The URL that was asked.
        endpoint: String,
        /// What was tried.
        operation: &'static str,
        /// What came of it.
        reason: String,
    },
}

/// Why an append ended before its stream did.
pub enum AppendError<E> {
    /// The stream of bytes broke. What it gave before is written, and the upload can go on from there.
    Stream {
        /// The stream's own error.
        source: E,
        /// Where the upload stands after the bytes that arrived.
        appended: Box<Progress>,
    },
    /// Another call is writing to this upload right now; nothing was written by this one.
    Busy,
    /// The upload would grow beyond the limit. Bytes of this append may lie beyond the old offset in the upload's
    /// file, where the next append cuts them off.
    TooLarge {
        /// The most bytes that the whole upload may have.
        limit: u64,
    },
    /// The store could not do it.
    Store(Error),
}

impl<E> From<Error> for AppendError<E> {
    fn from(error: Error) -> Self {
        match error {
            Error::Busy => AppendError::Busy,
            Error::TooLarge { limit } => AppendError::TooLarge { limit },
            other => AppendError::Store(other),
        }
    }
}

// By hand, as the source of a stream (a boxed error, say) need not be an `Error` itself.
impl<E: fmt::Display> fmt::Display for AppendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppendError::Stream { source, appended } => {
                write!(f, "the upload broke off after {} bytes: {source}", appended.received)
            }
            AppendError::Busy => Error::Busy.fmt(f),
            AppendError::TooLarge { limit } => Error::TooLarge { limit: *limit }.fmt(f),
            AppendError::Store(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for AppendError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppendError::Stream { source, appended } => f
                .debug_struct("Stream")
                .field("source", source)
                .field("received", &appended.received)
                .finish(),
            AppendError::Busy => f.write_str("Busy"),
            AppendError::TooLarge { limit } => {
                f.debug_struct("TooLarge").field("limit", limit).finish()
            }
            AppendError::Store(error) => f.debug_tuple("Store").field(error).finish(),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for AppendError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AppendError::Store(error) => std::error::Error::source(error),
            _ => None,
        }
    }
}
