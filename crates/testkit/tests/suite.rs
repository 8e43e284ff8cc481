//! The whole server, booted in this process, on both engines. A file a subject; the names of the
//! tests are the promises.

#![allow(clippy::unwrap_used)]

mod pull;
mod push;
mod statements;
mod tokens;
