//! Forms of the Query protocol.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharf_aws::fuzz::query_bytes(bytes));
