//! How each kind of server is started, one file a kind, and the Go programs that are built for it.

pub mod distribution;
pub mod engines;
pub mod go;
pub mod nginx;
pub mod peer;
pub mod wharf;
