//! What the tests with real clients stand on: a [`Host`] of their own, the server and the engines
//! that run on it, and the files they push. Each test is a file per client under `tests/`, written
//! as the shell session that a user would type; nothing here knows what a client ought to say.
//!
//! The tests of faults (`crash.rs`, `disk_full.rs`, `hostile.rs`, `shutdown.rs`) hold a [`Server`]
//! by its process and speak to it with a [`Client`] of their own. Those of many replicas hold a
//! [`Deployment`], which is everything that the book's page on scaling out puts together.

pub mod book;
mod client;
mod content;
mod daemon;
mod deployment;
mod host;
mod image;
mod namespaces;
mod network;
mod output;
mod postgres;
mod proxy;
mod server;
mod store;
mod tutorial;
mod wire;

pub use client::{Answer, Client, MANIFEST, base64, ending};
pub use content::{Blob, Image, digest};
pub use deployment::{Blobs, Database, Deployment, Replica, at, front};
pub use host::Host;
pub use output::Output;
pub use proxy::{Backend, PROXY, backends};
pub use server::{ACCESS_KEY, SECRET_KEY, Server, Signal};
pub use store::{BUCKET, STORE, STORE_KEY};
pub use tutorial::LOGIN;
pub use wire::{Fault, Wire};
