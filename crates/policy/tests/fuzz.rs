//! The targets of the fuzzer in this crate, on their seeds and on damaged ones.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/replay.rs"]
mod replay;

use wharf_policy::fuzz;

#[test]
fn policies() {
    replay::replay("policy", fuzz::evaluate_bytes);
}
