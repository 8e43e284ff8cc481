//! What Wharf keeps its rows and bytes in when it is scaled out: a throw-away PostgreSQL that
//! flushes, and versitygw, which keeps each object as a file.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use wharf_testkit::postgres::Cluster;

use super::super::process::ServerProcess;
use super::super::target::free_address;

const ACCESS_KEY: &str = "AKIABENCH";
const SECRET_KEY: &str = "bench/secret";

/// Both, running until dropped.
pub struct Engines {
    _postgres: Cluster,
    _store: ServerProcess,
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engines")
    }
}

impl Engines {
    /// Starts both with their data below `dir`, and gives the variables that point Wharf at them.
    ///
    /// # Errors
    /// Fails if versitygw is not installed or does not start.
    pub fn start(dir: &Path) -> anyhow::Result<(Vec<(String, String)>, Self)> {
        let postgres = Cluster::start();
        let address = free_address()?.to_string();
        let (folder, credentials) = (dir.join("store"), dir.join("store-credentials"));
        std::fs::create_dir_all(folder.join("bench"))?;
        std::fs::write(
            &credentials,
            format!(
                "[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
            ),
        )?;
        let mut command = Command::new(program()?);
        command.args(["--port", &address, "--access", ACCESS_KEY, "--secret", SECRET_KEY]);
        command.args(["--quiet", "posix"]).arg(&folder);
        let store = ServerProcess::start(&mut command, &dir.join("store.log"))?;
        let settings = [
            ("WHARF_DATABASE_URL", postgres.new_database()),
            ("WHARF_BLOBS", "s3://bench/registry".to_owned()),
            ("WHARF_BLOBS_ENDPOINT", format!("http://{address}")),
            ("WHARF_BLOBS_CREDENTIALS_FILE", credentials.display().to_string()),
            // The client of the bench is to get the bytes from Wharf.
            ("WHARF_BLOBS_REDIRECT", "off".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        Ok((settings.to_vec(), Self { _postgres: postgres, _store: store }))
    }
}

/// What `cargo xtask install` puts beside the build.
fn program() -> anyhow::Result<std::path::PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin/versitygw");
    ensure!(root.exists(), "versitygw is not there; `cargo xtask install` puts it there");
    Ok(root)
}
