//! Signature Version 4.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharf_aws::fuzz::signature_bytes(bytes));
