//! Wharf itself: authentication on, access log on, in one process or two. How its API is asked is
//! in [`super::super::api`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::super::process::ServerProcess;

/// The program: `WHARF_BIN`, or what lies beside this one.
///
/// # Errors
/// Fails if it is not there.
pub fn program() -> anyhow::Result<PathBuf> {
    let program = match std::env::var_os("WHARF_BIN") {
        Some(program) => PathBuf::from(program),
        None => std::env::current_exe()?.with_file_name("wharf"),
    };
    ensure!(
        program.exists(),
        "{} is not there; `cargo build --release` makes it",
        program.display()
    );
    Ok(program)
}

/// Starts one replica, or two with one installation key, with their data below `dir`.
///
/// # Errors
/// As [`start`].
pub async fn replicas(
    dir: &Path,
    settings: &[(String, String)],
    twice: bool,
    deadline: Instant,
) -> anyhow::Result<(ServerProcess, Vec<SocketAddr>)> {
    let (mut process, address) = start(&dir.join("data"), settings, deadline).await?;
    let mut addresses = vec![address];
    if twice {
        let second = dir.join("second");
        std::fs::create_dir_all(&second)?;
        std::fs::copy(dir.join("data/installation.key"), second.join("installation.key"))?;
        let (other, address) = start(&second, settings, deadline).await?;
        process.join(other);
        addresses.push(address);
    }
    Ok((process, addresses))
}

/// Starts Wharf with this data folder and these variables; its address stands in a file there.
///
/// # Errors
/// Fails if it ends, or has written no address by `deadline`.
pub async fn start(
    data: &Path,
    settings: &[(String, String)],
    deadline: Instant,
) -> anyhow::Result<(ServerProcess, SocketAddr)> {
    let written = data.join("address");
    if written.exists() {
        std::fs::remove_file(&written)?;
    }
    let mut command = Command::new(program()?);
    command.arg("serve").arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WHARF_") {
            command.env_remove(name);
        }
    }
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    let mut process = ServerProcess::start(&mut command, &data.with_extension("log"))?;
    loop {
        // A file that is still empty parses as little as one that is absent.
        let text = std::fs::read_to_string(&written).unwrap_or_default();
        if let Ok(address) = text.trim().parse() {
            return Ok((process, address));
        }
        process.check()?;
        ensure!(Instant::now() < deadline, "no address in {}", written.display());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
