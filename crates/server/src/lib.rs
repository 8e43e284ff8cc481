//! The binary `wharf`: configuration, listening, TLS, limits, telemetry, wiring. As a library it
//! lets tests boot the very same server in their own process.

mod accounts;
mod admin;
pub mod app;
mod background;
pub mod cli;
pub mod commands;
pub mod config;
pub mod copy;
pub mod folder;
pub mod forwarded;
pub mod listen;
pub mod shutdown;
pub mod start;
pub mod telemetry;
pub mod tls;
