//! `wharf rekey`: another installation key for all that is sealed.

use std::path::Path;

use anyhow::{Context as _, bail};
use wharf_db::Db;
use wharf_identity::{Identity, InstallationKey};

use super::print;
use crate::cli::Rekey;
use crate::config::Config;
use crate::{folder, start};

pub(super) fn rekey(asked: &Rekey) -> anyhow::Result<()> {
    let config = Config::read(&asked.settings.0)?;
    let path = &asked.new_key_file;
    if config.secret_key.is_none() && same(path, &config.secret_key_file) {
        bail!("{} is the present installation key; name another file", path.display());
    }
    let new = new_key(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let count = runtime.block_on(reseal(&config, &new))?;
    print(&format!(
        "{count} secret{} sealed with the new installation key. Before the next start, put {} in \
         the place of {}, for every replica. Keep the old key with the backups that were made under \
         it, and nowhere else.\n",
        if count == 1 { " is" } else { "s are" },
        path.display(),
        config.secret_key_name(),
    ))
}

fn new_key(path: &Path) -> anyhow::Result<InstallationKey> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            folder::new_installation_key(path)?
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    InstallationKey::read(&text).with_context(|| format!("in {}", path.display()))
}

async fn reseal(config: &Config, new: &InstallationKey) -> anyhow::Result<usize> {
    if folder::read_installation_key(config)?.is_none() {
        bail!("the installation key {} is not there", config.secret_key_name());
    }
    let old = folder::installation_key(config)?;
    let file = config.data.join("wharf.db");
    let opened = match &config.database_url {
        Some(url) => Db::postgres_alone(&url.0).await,
        None if !file.exists() => bail!("there is no database in {}", config.data.display()),
        None => Db::sqlite(&file).await,
    };
    let db = opened.with_context(|| start::unopened(config))?;
    let resealed = Identity::new(db.clone(), old).reseal(new).await;
    db.close().await;
    resealed.with_context(|| format!("with {}", config.secret_key_name()))
}

fn same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
