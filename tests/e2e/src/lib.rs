//! What the tests with real clients stand on: a [`Host`] of their own, the server and the engines
//! that run on it, and the files they push. Each test is a file per client under `tests/`, written
//! as the shell session that a user would type; nothing here knows what a client ought to say.

mod daemon;
mod host;
mod image;
mod namespaces;
mod output;

pub use host::Host;
pub use output::Output;
