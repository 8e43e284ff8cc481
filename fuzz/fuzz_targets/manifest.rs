//! Manifests and indexes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharf_oci::fuzz::manifest_bytes(bytes));
