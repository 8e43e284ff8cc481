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
    let mut build = command(&cargo_fuzz, "build");
    let status = build.status().with_context(|| format!("cannot start {build:?}"))?;
    ensure!(status.success(), "the targets cannot be built: {build:?} ended with {status}");
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

/// Runs one target.
fn one(cargo_fuzz: &Path, target: &str, seconds: u32) -> Result<()> {
    let corpus = built().join("corpus").join(target);
    let failures = built().join("failures").join(target);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&failures)?;
    let mut run = command(cargo_fuzz, "run");
    run.arg(target).arg(&corpus).arg(seeds(target)).arg("--").args([
        format!("-max_total_time={seconds}"),
        format!("-timeout={SLOWEST_SECONDS}"),
        format!("-rss_limit_mb={MEMORY_MB}"),
        format!("-max_len={LONGEST}"),
        // Behind cargo-fuzz's own, so that nothing is written beside the sources.
        format!("-artifact_prefix={}/", failures.display()),
        "-print_final_stats=1".to_owned(),
    ]);
    let output = run.output().with_context(|| format!("cannot start {run:?}"))?;
    // libFuzzer tells everything there.
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{told}");
        bail!("{}", reproduction(cargo_fuzz, target, &told));
    }
    let tried = told.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let tried = tried.context("libFuzzer did not tell how many inputs it tried")?;
    println!("fuzz: {target}: {} inputs in {seconds} s", tried.trim());
    Ok(())
}

/// What to do about a failure; libFuzzer names the file that holds the input.
fn reproduction(cargo_fuzz: &Path, target: &str, told: &str) -> String {
    let file = told.lines().find_map(|line| line.split_once("Test unit written to "));
    let Some((_, file)) = file else {
        return format!("the target {target} failed, and left no input");
    };
    let mut again = command(cargo_fuzz, "run");
    let arguments = again.arg(target).arg(file).get_args().map(|it| it.to_string_lossy());
    format!(
        "the target {target} failed on {file}. Run it again with\n  {} {}\n\
         and keep the file as a seed in {} once it passes",
        cargo_fuzz.display(),
        arguments.collect::<Vec<_>>().join(" "),
        seeds(target).display(),
    )
}

/// cargo-fuzz with what all its commands are given.
fn command(cargo_fuzz: &Path, what: &str) -> Command {
    let mut command = Command::new(cargo_fuzz);
    command.arg(what).arg("--fuzz-dir").arg(root().join("fuzz"));
    command.args(["--sanitizer", "none", "--target-dir"]).arg(built());
    command
}

fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

fn seeds(target: &str) -> PathBuf {
    root().join("fuzz/seeds").join(target)
}

fn built() -> PathBuf {
    root().join("target/fuzz")
}
