//! The bare server of [`super::super::bare`], in a process of its own so that its CPU time is its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::super::process::ServerProcess;
use super::super::target::free_address;

/// Starts this very program as the bare server, with its files in `dir`.
///
/// # Errors
/// Fails if the program cannot be started again.
pub fn start(dir: &Path) -> anyhow::Result<(ServerProcess, SocketAddr)> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", super::super::BARE, &address.to_string()]).arg(dir);
    let log = dir.join("log");
    Ok((ServerProcess::start(&mut command, &log)?, address))
}
