//! Inputs of ECR's operations.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharf_aws::fuzz::json_bytes(bytes));
