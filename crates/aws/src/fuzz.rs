//! The ways in for a fuzzer: bytes become signed requests, forms and JSON inputs, and what must hold
//! of all of them is asserted. Seeds and mutations are not here: they are in `fuzz/`.

mod json;
mod query;
mod signature;

pub use json::json_bytes;
pub use query::query_bytes;
pub use signature::signature_bytes;
