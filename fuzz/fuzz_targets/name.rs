//! Names, tags, digests and references.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharf_oci::fuzz::name_bytes(bytes));
