//! `cargo xtask bench`: Wharf beside its peers on this machine, in server CPU per operation, rates
//! and memory. What it takes to measure is compiled only with the feature `bench`, so that the
//! other commands stay quick to build; without the feature, the command runs itself again with it.

#[cfg(feature = "bench")]
mod suite;

/// Runs the bench with the command's own arguments (`--help` lists them).
///
/// # Errors
/// Fails if a peer cannot be started, answers wrongly, or a flag is unknown. A goal that is missed
/// is not an error: the table says so.
#[cfg(feature = "bench")]
pub fn run(args: &[String]) -> anyhow::Result<()> {
    suite::run(args)
}

/// Builds Wharf and this command for release, the latter with the feature `bench`, and runs the
/// bench in it.
///
/// # Errors
/// Fails if either build fails or the bench itself does.
#[cfg(not(feature = "bench"))]
pub fn run(args: &[String]) -> anyhow::Result<()> {
    if std::env::var_os("WHARF_BIN").is_none() && !args.iter().any(|arg| arg == "--peers-only") {
        cargo(&["build", "--release", "--package", "wharf-server"], &[])?;
    }
    let bench =
        ["run", "--quiet", "--release", "--package", "xtask", "--features", "bench", "--", "bench"];
    cargo(&bench, args)
}

#[cfg(not(feature = "bench"))]
fn cargo(command: &[&str], args: &[String]) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = std::process::Command::new(cargo)
        .args(command)
        .args(args)
        .status()
        .context("cargo cannot be started")?;
    anyhow::ensure!(status.success(), "cargo {} ended with {status}", command.join(" "));
    Ok(())
}
