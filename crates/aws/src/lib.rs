//! The AWS wire: service models as data, the check of inputs against them, the JSON 1.1 and Query
//! protocols and Signature Version 4 verification. Pure: bytes and values in, values out; keys,
//! clocks and sockets belong to the callers, and so does what the operations do.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod escape;
pub mod fuzz;
pub mod json;
pub mod model;
pub mod query;
pub mod sigv4;
pub mod validate;

pub use model::{Model, Operation, ShapeRef};
pub use validate::Fault;
