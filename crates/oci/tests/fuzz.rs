//! The targets of the fuzzer in this crate, on their seeds and on damaged ones.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/replay.rs"]
mod replay;

use wharf_oci::fuzz;

#[test]
fn manifests() {
    replay::replay("manifest", fuzz::manifest_bytes);
}

#[test]
fn names() {
    replay::replay("name", fuzz::name_bytes);
}
