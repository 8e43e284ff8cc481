//! The CNCF's distribution, 2.8 from Debian's `docker-registry` or 3 through the Go module proxy:
//! files, no authentication, no access log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::super::process::ServerProcess;
use super::super::target::free_address;
use super::go;

/// Starts `program` with its data in `dir`.
///
/// # Errors
/// Fails if the program is missing (`apt-get install docker-registry`).
pub fn start(dir: &Path, program: &Path) -> anyhow::Result<(ServerProcess, SocketAddr)> {
    let address = free_address()?;
    // The settings are YAML, of which JSON is a part.
    let settings = json!({
        "version": "0.1",
        "log": { "level": "error", "accesslog": { "disabled": true } },
        "storage": {
            "filesystem": { "rootdirectory": dir.join("data") },
            "cache": { "blobdescriptor": "inmemory" },
            "delete": { "enabled": true },
            "maintenance": { "uploadpurging": { "enabled": false } },
        },
        "http": { "addr": address.to_string() },
    });
    let config = dir.join("config.yml");
    std::fs::write(&config, settings.to_string())?;
    let mut command = Command::new(program);
    command.arg("serve").arg(config).env("OTEL_TRACES_EXPORTER", "none");
    Ok((ServerProcess::start(&mut command, &dir.join("log"))?, address))
}

/// The program of distribution 3, built unless an earlier run did.
///
/// # Errors
/// Fails if the module proxy or the build does.
pub fn build_3() -> anyhow::Result<PathBuf> {
    go::install("github.com/distribution/distribution/v3/cmd/registry@latest", "registry")
}

/// The folder that holds a repository. The long lists are made by copying in it what one push
/// wrote: 10,000 pushes would take minutes.
pub fn repository(dir: &Path, name: &str) -> PathBuf {
    dir.join("data/docker/registry/v2/repositories").join(name)
}

/// Copies a folder with all it holds.
///
/// # Errors
/// Fails if the disk does.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let copied = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &copied)?;
        } else {
            std::fs::copy(entry.path(), copied)?;
        }
    }
    Ok(())
}
