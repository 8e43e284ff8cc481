//! `wharf copy`, `wharf backup` and `wharf restore`: one mechanism, three uses of it.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use indicatif::HumanBytes;
use wharf_registry::copy::Copied;

use super::print;
use super::progress::Progress;
use crate::cli::{Backup, Copy, Restore};
use crate::config::Config;
use crate::copy::{self, Key};

/// Blobs at the same time where the user cannot say.
const AT_ONCE: usize = 4;

pub(super) fn copy(asked: &Copy) -> anyhow::Result<()> {
    let (from, to) = (Config::at(&asked.from)?, Config::at(&asked.to)?);
    let copied = run(&from, &to, Key::Bring, usize::from(asked.at_once))?;
    tell(&copied, "The copy is complete, as of the moment that the rows were read.")
}

pub(super) fn backup(asked: &Backup) -> anyhow::Result<()> {
    if asked.to.is_file() {
        bail!("{} is a file; a backup is a folder", asked.to.display());
    }
    let (from, to) = (Config::read(&asked.settings.0)?, Config::at(&asked.to)?);
    expect_place(&to.data, &from.data)?;
    let key = if asked.with_key { Key::Bring } else { Key::Leave };
    let copied = run(&from, &to, key, AT_ONCE)?;
    let kept = match (asked.with_key, to.secret_key_file.exists()) {
        (true, _) => {
            "The installation key is in it: whoever has it can open every secret.".to_owned()
        }
        (false, true) => format!(
            "An installation key is in it since before: whoever has it can open every secret. If \
             that is not wanted, remove {}.",
            to.secret_key_file.display()
        ),
        (false, false) => format!(
            "The installation key is not in it: keep a copy of {} elsewhere.",
            from.secret_key_file.display()
        ),
    };
    tell(&copied, &format!("The backup is complete. {kept}"))
}

pub(super) fn restore(asked: &Restore) -> anyhow::Result<()> {
    let config = Config::read(&asked.settings.0)?;
    let Some(from) = &asked.from.folder else { return in_place(&config) };
    let backup = Config::at(existing(from)?)?;
    let copied = run(&backup, &config, Key::Bring, AT_ONCE)?;
    tell(
        &copied,
        "The backup is restored. Keys and passwords that were ended since it was made are good \
         again: end them anew.",
    )
}

fn in_place(config: &Config) -> anyhow::Result<()> {
    let dropped = runtime()?.block_on(copy::restored(config))?;
    print(&format!(
        "Dropped {dropped} uploads. Nothing is swept within the next {} hours.\n",
        config.blob_grace.as_secs().div_ceil(60 * 60)
    ))
}

/// What may be in the folder of a backup whose database is not there yet: what a first run, which
/// was broken off, has left, and what a disk of its own has.
const OWN: &[&str] = &["installation.key", "installation.new", "blobs.lock", "lost+found"];

/// Refuses a folder that is no place for a backup. Whether one with a database is that of an earlier
/// backup is found out by the copy.
fn expect_place(to: &Path, data: &Path) -> anyhow::Result<()> {
    if let (Some(to), Some(data)) = (resolved(to), resolved(data))
        && to != data
        && to.starts_with(&data)
    {
        bail!(
            "{} is inside the data folder: what happens to the one happens to the other. Name a \
             folder elsewhere, best on another disk",
            to.display()
        );
    }
    if to.join("wharf.db").exists() {
        return Ok(());
    }
    let entries = match std::fs::read_dir(to) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", to.display())),
    };
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !OWN.contains(&&*name) && !name.starts_with("wharf.db") {
            bail!(
                "{} holds {name}, and no backup: name an empty folder, or that of an earlier backup",
                to.display()
            );
        }
    }
    Ok(())
}

/// Where a path leads, also one whose last parts are not there yet.
fn resolved(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let there = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    let (part, there) = there?;
    Some(there.join(path.strip_prefix(part).ok()?))
}

fn existing(path: &Path) -> anyhow::Result<&Path> {
    if path.is_dir() { Ok(path) } else { bail!("there is no folder {}", path.display()) }
}

fn run(from: &Config, to: &Config, key: Key, at_once: usize) -> anyhow::Result<Copied> {
    // As the server does: what is written here is for this user only.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let progress = Progress::new();
    runtime()?.block_on(copy::copy(from, to, key, at_once, &progress))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The outcome, for people and scripts: it fails when the source has lost something.
fn tell(copied: &Copied, done: &str) -> anyhow::Result<()> {
    let Copied { blobs, bytes, rows, lost } = copied;
    let bytes = HumanBytes(*bytes);
    let mut text = format!(
        "Copied {blobs} blobs ({bytes}); rows: {} inserted, {} updated, {} deleted.\n",
        rows.inserted, rows.updated, rows.deleted
    );
    if lost.is_empty() {
        let _ = writeln!(text, "{done}");
        return print(&text);
    }
    for blob in lost {
        let holders = match blob.repositories.is_empty() {
            true => "no repository holds it".to_owned(),
            false => format!("held by {}", blob.repositories.join(", ")),
        };
        let _ = writeln!(text, "lost: {}: {}; {holders}", blob.digest, blob.reason);
    }
    print(&text)?;
    bail!(
        "{} blobs are lost in the source and were left out; all else is there. To heal the target, \
         push the images that need them again once it is served",
        lost.len()
    )
}
