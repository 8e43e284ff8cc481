//! Content-addressed bytes: append to an upload, promote it to an object, open it, sweep what nobody needs.
//! Which repository may see which object, what an upload has received and what its hash state is are rows of the
//! database, not here: this crate never guesses state from a listing, and never reads an object to decide anything.
//!
//! The order that makes an acknowledged push durable: append (hashing while writing) → [`Store::promote`] (the bytes
//! and their unique name are on the disk when it returns) → the caller commits the row → the caller answers. Deleting
//! runs the other way: row first, bytes last. A crash in between leaves garbage for the sweep, never a row without
//! bytes.

mod content;
mod error;
#[cfg(any(test, feature = "faults"))]
mod faults;
mod files;
mod object;
mod store;
#[cfg(test)]
mod tests;

pub use content::Content;
pub use error::{AppendError, Error};
#[cfg(any(test, feature = "faults"))]
pub use faults::{Call, Faults};
pub use object::{InvalidObject, Object};
pub use store::{Appended, Listed, Options, SMALL_BLOB, Space, Store};
