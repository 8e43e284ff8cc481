//! A host of a test's own: its own network, names, processes and home folder, so that a test can
//! neither disturb the machine nor another test, nor reach anything outside. Scripts run on it
//! with an environment that has nothing of the machine's.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{Output, namespaces::Namespaces};

/// Seconds that one script may take, on a machine with two busy cores.
const SCRIPT_SECONDS: u32 = 240;

/// The folders of a bare Debian, for what Debian packages bring.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A Linux host for one test. Dropping it ends every process on it and removes its files.
pub struct Host {
    dir: TempDir,
    environment: BTreeMap<String, String>,
    pub(crate) daemons: Vec<Child>,
    namespaces: Namespaces,
}

impl Host {
    /// Starts a host that knows no name but `localhost`.
    ///
    /// # Errors
    /// When the caller is not root, or the kernel refuses namespaces.
    pub fn start() -> Result<Self> {
        Self::knowing(&[])
    }

    /// Starts a host whose `/etc/hosts` also says that `names` are this very host.
    ///
    /// # Errors
    /// As [`Host::start`].
    pub fn knowing(names: &[&str]) -> Result<Self> {
        ensure!(
            fs::metadata("/proc/self")?.uid() == 0,
            "the tests with real clients start container engines: run them as root"
        );
        let dir = tempfile::Builder::new().prefix("wharf-e2e-").tempdir()?;
        fs::write(dir.path().join("hosts"), format!("127.0.0.1 localhost {}\n", names.join(" ")))?;
        for folder in ["home", "bin", "data"] {
            fs::create_dir(dir.path().join(folder))?;
        }
        symlink(wharf_binary()?, dir.path().join("bin/wharf"))?;
        let namespaces = Namespaces::start(dir.path())?;
        let environment = environment(dir.path())?;
        Ok(Self { dir, environment, daemons: Vec::new(), namespaces })
    }

    /// A file or folder of the host. The current folder of every script is `path("home")`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Sets a variable for all later scripts and daemons.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.insert(name.to_owned(), value.into());
    }

    /// The value of a variable set with [`Host::set`] or by starting a daemon; empty when unset.
    pub fn get(&self, name: &str) -> &str {
        self.environment.get(name).map_or("", String::as_str)
    }

    /// Runs a bash script, which ends at the first command that fails, and expects success.
    ///
    /// # Errors
    /// With everything that was printed, and the end of the server's log, when it fails.
    pub fn sh(&self, script: &str) -> Result<Output> {
        let output = self.run(script)?;
        if output.success {
            return Ok(output);
        }
        bail!("{}", self.told(script, &output, "failed"))
    }

    /// Runs a bash script and expects that it fails.
    ///
    /// # Errors
    /// With everything that was printed, when it succeeds.
    pub fn refuses(&self, script: &str) -> Result<Output> {
        let output = self.run(script)?;
        if !output.success {
            return Ok(output);
        }
        bail!("{}", self.told(script, &output, "succeeded, which it must not"))
    }

    /// A command that will run on this host: its network, files, processes and environment.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = self.namespaces.command(&self.path("home"), program);
        command.env_clear().envs(&self.environment);
        command
    }

    /// The first process on this host, as the machine numbers it.
    pub(crate) fn first_process(&self) -> u32 {
        self.namespaces.first
    }

    fn run(&self, script: &str) -> Result<Output> {
        let limit = SCRIPT_SECONDS.to_string();
        let output = self
            .command("timeout")
            .args(["--kill-after=5", &limit, "bash", "-euo", "pipefail", "-c", script])
            .stdin(Stdio::null())
            .output()
            .context("nsenter, of Debian's util-linux, cannot be run")?;
        Ok(Output::from(output))
    }

    fn told(&self, script: &str, output: &Output, verdict: &str) -> String {
        format!("this script {verdict}:\n{script}\n{output}\n{}", self.end_of_log())
    }

    /// What the server said last.
    pub(crate) fn end_of_log(&self) -> String {
        let log = fs::read_to_string(self.path("wharf.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(30)..].join("\n");
        format!("--- the end of the server's log\n{last}")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.namespaces.end();
        for daemon in &mut self.daemons {
            // The kernel has ended it, so this only takes note; a failure would change nothing.
            let _ = daemon.wait();
        }
    }
}

/// The binary under test.
fn wharf_binary() -> Result<PathBuf> {
    let named = std::env::var_os("WHARF_BIN").context(
        "WHARF_BIN does not name the binary under test; `cargo xtask test` builds it and sets this",
    )?;
    fs::canonicalize(&named).with_context(|| format!("WHARF_BIN is {}", named.display()))
}

/// An environment with nothing of the machine's own, so that no proxy, profile or certificate
/// bundle of whoever runs the tests changes what a client does.
fn environment(dir: &Path) -> Result<BTreeMap<String, String>> {
    let tools =
        fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target"))?.join("tools");
    ensure!(tools.is_dir(), "{} is missing; `cargo xtask test` makes it", tools.display());
    let (dir, tools) = (dir.display(), tools.display());
    let path = format!("{dir}/bin:{tools}/bin:{tools}/python/bin:{SYSTEM_PATH}");
    Ok([
        ("PATH", path),
        ("HOME", format!("{dir}/home")),
        ("LANG", "C.UTF-8".to_owned()),
        ("WHARF_DATA", format!("{dir}/data")),
        ("AWS_PAGER", String::new()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into())
}
