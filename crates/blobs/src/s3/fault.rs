//! What an error of `object_store` means for us. It keeps the answer's status and S3's code only as text, so they are
//! read from there.

use std::io;

use crate::Error;

/// Judges what is left after all tries.
pub(super) fn judged(error: object_store::Error) -> Error {
    use object_store::Error as Store;
    let text = chain(&error);
    if is_full(&text) {
        return Error::Full;
    }
    match error {
        Store::NotFound { .. } if !text.contains("NoSuchBucket") => Error::Missing,
        // A part was replaced by another writer, or the upload was given up: its bytes are not there.
        _ if text.contains("InvalidPart") => Error::Missing,
        Store::NotFound { .. } | Store::PermissionDenied { .. } | Store::Unauthenticated { .. } => {
            Error::Refused(Box::new(error))
        }
        error if text.contains("status code: 4") || text.contains("redirect without LOCATION") => {
            Error::Refused(Box::new(error))
        }
        error => Error::Unavailable(Box::new(error)),
    }
}

/// The codes of stores that keep their bytes on disks of a size.
fn is_full(text: &str) -> bool {
    ["StorageFull", "QuotaExceeded", "InsufficientStorage", "status code: 507"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// For those who read a stream.
pub(super) fn as_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::Missing => io::Error::new(io::ErrorKind::NotFound, Error::Missing),
        other => io::Error::other(other),
    }
}

/// An error's own text and those of its causes that it does not repeat.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}
