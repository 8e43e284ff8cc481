//! The data folder: who may read it, and the small files in it that the program writes for the
//! operator and for itself.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use wharf_identity::InstallationKey;

use crate::config::{Config, KeySource};

/// Makes the folder, readable for its owner only, unless it is there.
pub fn make(data: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(|| format!("cannot make the data folder {}", data.display()))
}

/// The text of the installation key, if there is one.
pub fn read_installation_key(config: &Config) -> anyhow::Result<Option<String>> {
    let path = &config.secret_key_file;
    match &config.secret_key {
        Some(KeySource::Given(key)) => return Ok(Some(key.0.clone())),
        Some(KeySource::Command(command)) => return printed_by(command).map(Some),
        None => {}
    }
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// What the command prints. What it says besides goes to our own standard error.
fn printed_by(command: &str) -> anyhow::Result<String> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run secret_key_command")?;
    if !output.status.success() {
        bail!("secret_key_command failed with {}", output.status);
    }
    String::from_utf8(output.stdout).context("secret_key_command printed no text")
}

/// Writes the text of an installation key into the data folder, where there is none.
pub fn write_installation_key(config: &Config, text: &str) -> anyhow::Result<()> {
    write_secret(&config.secret_key_file, &format!("{}\n", text.trim()))
}

/// Takes the blobs in the folder for this process, until the file is dropped: whoever works on local
/// files relies on being alone.
pub fn hold_blobs(data: &Path) -> anyhow::Result<File> {
    let path = data.join("blobs.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => bail!(
            "another process serves the blobs in {}: stop it first. Several replicas need them in \
             S3 (blobs = \"s3://bucket/prefix\")",
            data.display()
        ),
    }
}

/// Reads the installation key, and makes one at the first start. A key file that the operator
/// named must be there: made anew on every machine, it would fit no database.
pub fn installation_key(config: &Config) -> anyhow::Result<InstallationKey> {
    let path = &config.secret_key_file;
    let text = match read_installation_key(config)? {
        Some(text) => text,
        None => {
            if *path != config.data.join("installation.key") {
                bail!(
                    "the installation key {} is not there; make it once with `openssl rand \
                     -base64 32` and give it to every replica",
                    path.display()
                );
            }
            new_installation_key(path)?
        }
    };
    InstallationKey::read(&text).with_context(|| format!("in {}", config.secret_key_name()))
}

/// Makes an installation key and writes it to `path`; gives its text.
pub fn new_installation_key(path: &Path) -> anyhow::Result<String> {
    let text = InstallationKey::generate()?;
    write_secret(path, &format!("{text}\n"))?;
    Ok(text)
}

/// Where the root credentials are, in the format of AWS's shared credentials file.
#[must_use]
pub fn credentials(data: &Path) -> PathBuf {
    data.join("credentials")
}

/// Writes the root credentials for `AWS_SHARED_CREDENTIALS_FILE` and `wharf env`.
pub fn write_credentials(data: &Path, id: &str, secret: &str) -> anyhow::Result<()> {
    let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    let path = credentials(data);
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    write_secret(&path, &text)
}

/// Removes root credentials that are no longer good, if there are any.
pub fn remove_credentials(data: &Path) -> anyhow::Result<()> {
    let path = credentials(data);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Reads what [`write_credentials`] wrote: id and secret.
pub fn read_credentials(data: &Path) -> anyhow::Result<(String, String)> {
    let path = credentials(data);
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "cannot read {}; start `wharf serve` once with the same --data, or set \
             WHARF_ROOT_ACCESS_KEY_ID and WHARF_ROOT_SECRET_ACCESS_KEY",
            path.display()
        )
    })?;
    let value = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    match (value("aws_access_key_id"), value("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Ok((id, secret)),
        _ => bail!("{} holds no access key", path.display()),
    }
}

/// Notes where the server listens, for scripts, and how clients reach it, for `wharf env`.
pub fn write_address(config: &Config, address: SocketAddr) -> anyhow::Result<()> {
    let endpoint = format!("{} {}\n", config.endpoint_url(address.port()), config.region);
    write(&config.data.join("endpoint"), &endpoint, 0o644)?;
    write(&config.data.join("address"), &format!("{address}\n"), 0o644)
}

/// URL and Region of the server that was started last on this folder; None if none ever was.
#[must_use]
pub fn read_endpoint(data: &Path) -> Option<(String, String)> {
    let text = fs::read_to_string(data.join("endpoint")).ok()?;
    let (url, region) = text.trim().split_once(' ')?;
    Some((url.to_owned(), region.to_owned()))
}

fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    write(path, text, 0o600)
}

/// Replaces the file as a whole, durably: a reader sees the old text or the new.
fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let written = || -> std::io::Result<()> {
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn blobs_in_a_folder_have_one_server() {
        let folder = tempfile::tempdir().unwrap();
        let held = hold_blobs(folder.path()).unwrap();
        let refused = hold_blobs(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("need them in S3"), "{refused}");
        drop(held);
        hold_blobs(folder.path()).unwrap();
    }
}
