//! Programs that the Go module proxy gives.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::super::bench_dir;

const BUILD: Duration = Duration::from_secs(600);

/// Builds `module` once and returns the program `name`.
///
/// # Errors
/// Fails if the build does, or takes longer than ten minutes.
pub fn install(module: &str, name: &str) -> anyhow::Result<PathBuf> {
    let bin = bench_dir()?.join("go");
    let program = bin.join(name);
    if program.exists() {
        return Ok(program);
    }
    eprintln!("building {module}");
    let mut build = Command::new("go")
        .args(["install", module])
        .env("GOBIN", &bin)
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null())
        .spawn()
        .context("go cannot be started")?;
    let begin = Instant::now();
    loop {
        match build.try_wait()? {
            Some(status) if status.success() => return Ok(program),
            Some(status) => bail!("go install {module} ended with {status}"),
            None if begin.elapsed() > BUILD => {
                build.kill()?;
                build.wait()?;
                bail!("go install {module} took longer than {BUILD:?}");
            }
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}
