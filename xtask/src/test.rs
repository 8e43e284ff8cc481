//! `cargo xtask test`: everything that must hold before a change lands, in the order in which it
//! fails fastest.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::{fuzz, install, tidy};

/// How long each fuzz target runs: enough to see that it does, and what a change broke at once.
const FUZZ_SECONDS: u32 = 10;

/// Runs every step; the first that fails ends the run.
///
/// # Errors
/// When a step fails, with its name.
pub fn run() -> Result<()> {
    step("tidy", tidy::run)?;
    step("format", || cargo(&["fmt", "--all", "--check"], &[]))?;
    let tools = step("install", install::everything)?;
    step("lint", || {
        cargo(
            &["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"],
            &[],
        )
    })?;
    // The advisories live in a repository that is not everywhere in reach; a scheduled pipeline
    // with the network runs `cargo deny check advisories`.
    step("dependencies", || {
        let deny = tools.dir.join("bin/cargo-deny");
        run_command(Command::new(deny).args([
            "--all-features",
            "check",
            "bans",
            "licenses",
            "sources",
        ]))
    })?;
    step("build", || cargo(&["build", "--quiet", "--package", "wharf-server"], &[]))?;
    step("test", || {
        let tests = ["test", "--workspace", "--exclude", "wharf-e2e"];
        cargo(&tests, &[])
    })?;
    step("fuzz", || fuzz::every(&fuzz::targets()?, FUZZ_SECONDS))?;
    let binary = target().join("debug/wharf");
    step("end-to-end", || {
        cargo(&["test", "--package", "wharf-e2e"], &[("WHARF_BIN", binary.clone().into())])
    })
}

/// The folder that cargo builds in.
fn target() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

fn step<T>(name: &str, act: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n== {name}");
    let begun = Instant::now();
    let done = act().with_context(|| format!("the step '{name}' failed"))?;
    println!("== {name}: {} s", begun.elapsed().as_secs());
    Ok(done)
}

fn cargo(arguments: &[&str], variables: &[(&str, OsString)]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments);
    for (name, value) in variables {
        command.env(name, value);
    }
    run_command(&mut command)
}

fn run_command(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
