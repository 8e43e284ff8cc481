//! From two configurations to a copy of one installation in the engines of another. How it is told
//! to the user is in `commands/copy.rs`, what is copied in which order in the registry's `copy`.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use wharf_db::{Db, Snapshot};
use wharf_identity::{Error, Identity, InstallationKey};
use wharf_registry::copy::{self, Copied, Source, Target, Watch};
use wharf_registry::installation::{self, Terms};

use crate::config::Config;
use crate::{folder, start};

/// What becomes of the installation key, without which the copied secrets cannot be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// The target gets the source's, unless it has it already.
    Bring,
    /// It is kept apart from the copy.
    Leave,
}

/// Copies the installation that `from` configures, served or not, to where `to` says, where nothing
/// is served. At most `at_once` blobs are under way at a time.
///
/// # Errors
/// What stands in the way, with what to do about it. Whatever was copied stays, and the next run
/// goes on from there.
pub async fn copy(
    from: &Config,
    to: &Config,
    key: Key,
    at_once: usize,
    watch: &dyn Watch,
) -> anyhow::Result<Copied> {
    if is_same_database(from, to) {
        bail!("source and target are the same database; nothing was done");
    }
    let mut source = open_source(from).await.context("in the source")?;
    folder::make(&to.data)?;
    if key == Key::Bring {
        bring_key(from, to, &source.key_print)?;
    }
    let same_store = is_same_store(from, to);
    // Where the bytes stay, the source may be served.
    let _held = if same_store { None } else { hold(to).context("in the target")? };
    let db = start::open_database(to).await.context("in the target")?;
    let store = start::open_store(to).await.context("in the target")?;
    let target = Target { db, store, same_store };
    let clock = start::system_clock();
    let copied = copy::run(&mut source, &target, at_once, &clock, watch).await;
    if copied.is_ok() {
        target.db.merge_log().await.context("in the target")?;
    }
    target.db.close().await;
    source.snapshot.close().await.context("in the source")?;
    Ok(copied?)
}

/// Notes that the engines' own tools have restored the installation that is configured. Gives how
/// many uploads were dropped.
///
/// # Errors
/// When the database cannot be opened, or is served, when there is no installation key, or another
/// one, and when the blobs are another installation's. Then nothing was changed.
pub async fn restored(config: &Config) -> anyhow::Result<u64> {
    let Some(text) = folder::read_installation_key(config)? else {
        bail!("{}", no_key(config));
    };
    let key = read(&text, config)?;
    let _held = hold(config)?;
    let opened = match &config.database_url {
        Some(url) => Db::postgres_alone(&url.0).await,
        None => open_file(config).await,
    };
    let db = opened.with_context(|| start::unopened(config))?;
    let dropped = note_restored(config, &db, &key).await;
    db.close().await;
    dropped
}

/// A file that is not there was not put back, and none is made.
async fn open_file(config: &Config) -> Result<Db, wharf_db::Error> {
    let path = config.data.join("wharf.db");
    std::fs::metadata(&path)?;
    Db::sqlite(&path).await
}

/// Local blobs are had alone.
fn hold(config: &Config) -> anyhow::Result<Option<File>> {
    config.blobs.is_none().then(|| folder::hold_blobs(&config.data)).transpose()
}

async fn note_restored(config: &Config, db: &Db, key: &InstallationKey) -> anyhow::Result<u64> {
    if !wharf_identity::holds_secrets(db).await? {
        bail!("the database is empty: put it back with its own tools first");
    }
    if !Identity::new(db.clone(), key.clone()).opens_any_secret().await? {
        let key = config.secret_key_name();
        return Err(Error::WrongInstallationKey).with_context(|| format!("{key} is another's"));
    }
    let store = start::open_store(config).await?;
    let now = start::system_clock()();
    let joined = installation::join(db, &store, Terms::Restored, now).await;
    joined.with_context(|| start::apart(config))?;
    Ok(copy::restored(db, &key.print(), now, config.blob_grace).await?)
}

async fn open_source(from: &Config) -> anyhow::Result<Source> {
    let (mut snapshot, name) = match &from.database_url {
        Some(url) => {
            let snapshot = Snapshot::postgres(&url.0).await;
            (snapshot.with_context(|| start::unopened(from))?, "PostgreSQL".to_owned())
        }
        None => {
            let path = from.data.join("wharf.db");
            if !path.exists() {
                bail!("there is no installation in {}: no wharf.db", from.data.display());
            }
            let snapshot = Snapshot::sqlite(&path).await;
            let snapshot = snapshot.with_context(|| format!("cannot open {}", path.display()))?;
            (snapshot, absolute(&from.data).display().to_string())
        }
    };
    let key_print = match folder::read_installation_key(from)? {
        Some(text) => read(&text, from)?.print(),
        // A backup goes without the key, and only remembers which one it was.
        None => copy::key_print(&mut snapshot).await?.with_context(|| no_key(from))?,
    };
    if from.blobs.is_some() {
        // S3 has no need of the folder but to put aside what it sends.
        folder::make(&from.data)?;
    }
    Ok(Source { snapshot, store: start::open_store(from).await?, name, key_print })
}

/// Sees to it that the target has the key with this print.
fn bring_key(from: &Config, to: &Config, print: &str) -> anyhow::Result<()> {
    let path = &to.secret_key_file;
    if let Some(text) = folder::read_installation_key(to)? {
        if read(&text, to)?.print() == print {
            return Ok(());
        }
        bail!(
            "the installation key {} is another one than the source's, and could not open the \
             copied secrets; put the source's in its place",
            to.secret_key_name()
        );
    }
    let Some(text) = folder::read_installation_key(from)? else {
        bail!(
            "the source goes without its installation key, and the target has none: put the key \
             that you keep apart into {} first",
            path.display()
        );
    };
    if *path != to.data.join("installation.key") {
        bail!(
            "the target is to have its installation key in {}, and it is not there; copy {} to it",
            path.display(),
            from.secret_key_file.display()
        );
    }
    folder::write_installation_key(to, &text)
}

fn read(text: &str, config: &Config) -> anyhow::Result<InstallationKey> {
    InstallationKey::read(text).with_context(|| format!("in {}", config.secret_key_name()))
}

fn no_key(config: &Config) -> String {
    format!("the installation key {} is not there", config.secret_key_file.display())
}

fn is_same_database(from: &Config, to: &Config) -> bool {
    match (&from.database_url, &to.database_url) {
        (Some(from), Some(to)) => from.0 == to.0,
        (None, None) => is_same_folder(&from.data, &to.data),
        _ => false,
    }
}

fn is_same_store(from: &Config, to: &Config) -> bool {
    match (&from.blobs, &to.blobs) {
        (Some(from), Some(to)) => from.is_same_place(to),
        (None, None) => is_same_folder(&from.data, &to.data),
        _ => false,
    }
}

fn is_same_folder(one: &Path, other: &Path) -> bool {
    absolute(one) == absolute(other)
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
