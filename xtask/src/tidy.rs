//! `cargo xtask tidy`: the rules of the house that a program can check. The map of crates below is
//! the architecture; an edge that is not in it fails.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Who may use whom inside the workspace, in tests too. Keep it as `ARCHITECTURE.md` draws it.
const EDGES: &[(&str, &[&str])] = &[
    ("oci", &[]),
    ("policy", &[]),
    ("aws", &[]),
    ("db", &[]),
    ("blobs", &["oci"]),
    ("identity", &["db", "policy"]),
    ("registry", &["db", "blobs", "policy", "oci"]),
    ("api", &["registry", "identity", "aws", "policy", "oci"]),
    ("distribution", &["registry", "identity", "oci", "policy"]),
    (
        "server",
        &["api", "distribution", "registry", "identity", "blobs", "db", "aws", "policy", "oci"],
    ),
    (
        "testkit",
        &[
            "server",
            "api",
            "distribution",
            "registry",
            "identity",
            "blobs",
            "db",
            "aws",
            "policy",
            "oci",
        ],
    ),
    ("e2e", &[]),
];

/// Names that say nothing: no file and no folder is called so.
const EMPTY_NAMES: &[&str] = &[
    "manager",
    "helper",
    "helpers",
    "util",
    "utils",
    "service",
    "handler",
    "handlers",
    "processor",
    "info",
    "base",
    "common",
    "misc",
];

/// Longer files are to be divided.
const MOST_LINES: usize = 600;

/// Checks everything and reports all that is wrong.
///
/// # Errors
/// With one line for each breach.
pub fn run() -> Result<()> {
    let mut breaches = edges()?;
    for path in sources()? {
        breaches.extend(names(&path));
        breaches.extend(file(&path)?);
    }
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("the house rules are broken:\n  {}", breaches.join("\n  "))
}

fn edges() -> Result<Vec<String>> {
    let metadata: Value = serde_json::from_slice(&output(
        "cargo",
        &["metadata", "--format-version", "1", "--no-deps"],
    )?)?;
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut breaches = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let Some(name) = package["name"].as_str().and_then(|name| name.strip_prefix("wharf-"))
        else {
            continue;
        };
        let Some(may_use) = allowed.get(name) else {
            breaches.push(format!("crate {name} is not in the map of tidy.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().and_then(|used| used.strip_prefix("wharf-"));
            // A crate's tests may boot the real server through the testkit.
            let in_tests = dependency["kind"] == "dev";
            if let Some(used) = used
                && !may_use.contains(&used)
                && !(in_tests && used == "testkit")
            {
                breaches.push(format!("crate {name} must not use {used}"));
            }
        }
    }
    Ok(breaches)
}

fn sources() -> Result<Vec<String>> {
    let listed = output("git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    let listed = String::from_utf8(listed)?;
    Ok(listed.lines().filter(|path| Path::new(path).is_file()).map(str::to_owned).collect())
}

fn names(path: &str) -> Vec<String> {
    let stems = path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    stems
        .filter(|stem| EMPTY_NAMES.contains(stem))
        .map(|stem| format!("{path}: the name {stem} says nothing"))
        .collect()
}

fn file(path: &str) -> Result<Vec<String>> {
    if !path.ends_with(".rs") {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let mut breaches = Vec::new();
    if !text.starts_with("//!") && !text.starts_with("#!") {
        breaches.push(format!("{path}: a file opens with what is in it (//!)"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        breaches.push(format!("{path}: {lines} lines are more than {MOST_LINES}"));
    }
    if path.starts_with("crates/") && !path.starts_with("crates/db/") && text.contains("sqlx::") {
        breaches.push(format!("{path}: only crates/db names sqlx"));
    }
    Ok(breaches)
}

fn output(program: &str, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        bail!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}
