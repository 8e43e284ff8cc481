//! The whole server, booted in this process, on both engines. A file a subject; the names of the
//! tests are the promises.

#![allow(clippy::unwrap_used)]

mod delete;
mod mount;
mod pull;
mod push;
mod ranges;
mod referrers;
mod statements;
mod tags;
mod tokens;
mod uploads;
