//! The bytes of blobs: append to an upload, promote it to an object, open it, sweep what nobody needs. Kept in files, or
//! in a bucket of S3. Which repository may see which object and how far an upload has come are rows of the database, not
//! here: this crate never guesses state from a listing, and never reads an object to decide anything.
//!
//! The order that makes an acknowledged push durable: append (hashing while writing) → [`Store::promote`] (the bytes
//! are durable under their unique name when it returns) → the caller commits the row → the caller answers. Deleting
//! runs the other way: row first, bytes last. A crash in between leaves garbage for the sweep, never a row without
//! bytes.

mod busy;
mod content;
mod error;
#[cfg(any(test, feature = "faults"))]
mod faults;
mod files;
mod installation;
mod object;
mod progress;
mod s3;
mod store;
#[cfg(test)]
mod tests;

pub use content::Content;
pub use error::{AppendError, Error, Unusable};
#[cfg(any(test, feature = "faults"))]
pub use faults::{Call, Faults};
pub use object::{InvalidObject, Object};
pub use progress::{End, FEW, InvalidParts, Parts, Progress};
pub use s3::S3Settings;
pub use store::{Aside, Listed, Options, SMALL_BLOB, Space, Store};
