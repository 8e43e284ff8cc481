//! Policy documents, evaluated in every place.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wharf_policy::fuzz::evaluate_bytes(bytes));
