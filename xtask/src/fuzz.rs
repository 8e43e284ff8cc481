//! `cargo xtask fuzz`: runs the targets of `fuzz/` with libFuzzer, on the stable toolchain: without
//! a sanitizer, whose flags are nightly's, for there is no `unsafe` of ours that it could watch.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::install;

const HELP: &str = "\
cargo xtask fuzz [TARGET]... [--seconds N]

Runs each target (all of fuzz/fuzz_targets, unless some are named) for N seconds, 60 by default,
on its seeds and on what earlier runs kept in target/fuzz/corpus.
";

/// An input that takes longer than this is a failure: 64 KiB take milliseconds, so this one takes
/// the square.
const SLOWEST_SECONDS: u32 = 5;
/// The longest inputs that are tried.
const LONGEST: u32 = 64 << 10;
const MEMORY_MB: u32 = 1024;

/// Runs what the arguments name.
///
/// # Errors
/// When a target fails, with the input that fails it and how to run that again; when the targets
/// cannot be built.
pub fn run(arguments: &[String]) -> Result<()> {
    let mut named = Vec::new();
    let mut seconds = 60;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" => {
                println!("{HELP}");
                return Ok(());
            }
            "--seconds" => {
                let number = arguments.next().context("--seconds wants a number")?;
                seconds = number.parse().with_context(|| format!("{number} is no number"))?;
            }
            option if option.starts_with('-') => bail!("there is no option {option}\n\n{HELP}"),
            target => named.push(target.to_owned()),
        }
    }
    let targets = targets()?;
    if let Some(unknown) = named.iter().find(|name| !targets.contains(*name)) {
        bail!("there is no target {unknown}; there are {}", targets.join(", "));
    }
    every(if named.is_empty() { &targets } else { &named }, seconds)
}

/// Builds the targets and runs each of these, to the last even if one fails.
///
/// # Errors
/// As [`run`].
pub fn every(targets: &[String], seconds: u32) -> Result<()> {
    let cargo_fuzz = install::cargo_fuzz()?;
    // Once and for all, so that the time of a run is that of the target.
    check(&mut command(&cargo_fuzz, "build"), "the targets cannot be built")?;
    let failures: Vec<String> = targets
        .iter()
        .filter_map(|target| one(&cargo_fuzz, target, seconds).err())
        .map(|error| format!("{error:#}"))
        .collect();
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

/// The names of all targets, sorted.
///
/// # Errors
/// When the folder cannot be read, or a target has no seeds.
pub fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).context("a target's name")?;
        ensure!(seeds(name).is_dir(), "the target {name} has no seeds in {:?}", seeds(name));
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

fn one(cargo_fuzz: &Path, target: &str, seconds: u32) -> Result<()> {
    let corpus = built().join("corpus").join(target);
    // What fails comes into a folder of its own, which is there for that only.
    let failures = built().join("failures").join(target);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&failures)?;
    println!("fuzz: {target} for {seconds} s");
    let mut run = command(cargo_fuzz, "run");
    run.arg(target).arg(&corpus).arg(seeds(target)).arg("--").args([
        format!("-max_total_time={seconds}"),
        format!("-timeout={SLOWEST_SECONDS}"),
        format!("-rss_limit_mb={MEMORY_MB}"),
        format!("-max_len={LONGEST}"),
        format!("-artifact_prefix={}/", failures.display()),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ]);
    check(
        &mut run,
        &format!(
            "the target {target} failed. Its input is the newest file in {}; run it again with\n  \
             {}/{target} FILE\nand keep it as a seed in {} once it passes",
            failures.display(),
            built().join("TRIPLE/release").display(),
            seeds(target).display(),
        ),
    )
}

/// cargo-fuzz with what all its commands are given.
fn command(cargo_fuzz: &Path, what: &str) -> Command {
    let mut command = Command::new(cargo_fuzz);
    command.current_dir(root()).arg(what).args(["--fuzz-dir", "fuzz", "--sanitizer", "none"]);
    command.arg("--target-dir").arg(built());
    command
}

fn check(command: &mut Command, failure: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{failure}\n({command:?} ended with {status})");
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn seeds(target: &str) -> PathBuf {
    root().join("fuzz/seeds").join(target)
}

fn built() -> PathBuf {
    root().join("target/fuzz")
}
