//! The targets of the fuzzer in this crate, on their seeds and on damaged ones.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/replay.rs"]
mod replay;

use wharf_aws::fuzz;

#[test]
fn signatures() {
    replay::replay("signature", fuzz::signature_bytes);
}

#[test]
fn forms() {
    replay::replay("query", fuzz::query_bytes);
}

#[test]
fn inputs() {
    replay::replay("json", fuzz::json_bytes);
}
