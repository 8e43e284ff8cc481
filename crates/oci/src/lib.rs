//! The vocabulary of OCI: digests, tags, repository names, references, descriptors and manifests.
//! Everything here takes values and gives values: no files, no network, no clock. What a registry
//! does with these things (storing, resolving, authorising) deliberately lives elsewhere.

mod descriptor;
mod digest;
pub mod fuzz;
mod hasher;
mod json;
mod manifest;
pub mod media_type;
mod name;
mod platform;
mod reference;
mod text;

pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, InvalidAlgorithm, InvalidDigest};
pub use hasher::{Hasher, InvalidHasherState};
pub use json::MAX_DEPTH;
pub use manifest::{InvalidManifest, Kind, MAX_CHILDREN, MAX_LAYERS, MAX_MANIFEST_BYTES, Manifest};
pub use name::{InvalidRepositoryName, RepositoryName};
pub use platform::Platform;
pub use reference::{InvalidReference, InvalidTag, Reference, Tag};
