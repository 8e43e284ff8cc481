//! A throw-away PostgreSQL: one cluster a test process, made at the first use, with a database for
//! each test. A shell watches over it and removes it when the process ends, however it ends.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

/// What stands on the watcher's standard input keeps the cluster alive: the other end of the pipe
/// is closed by the kernel when this process is gone, so a panic or a kill leaves nothing behind.
/// Connections come over a socket in the cluster's own folder, which nobody else may enter.
const WATCHER: &str = r#"
set -eu
dir=$(mktemp -d /tmp/wharf-postgres.XXXXXX)
clear_away() {
    "$1/pg_ctl" --pgdata="$dir/data" --mode=immediate --wait stop >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap 'clear_away "$1"' EXIT
trap '' INT TERM HUP PIPE
"$1/initdb" --pgdata="$dir/data" --username=wharf --auth=trust --encoding=UTF8 --locale=C \
    --no-sync >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
"$1/pg_ctl" --pgdata="$dir/data" --log="$dir/log" --wait --timeout=60 \
    --options="-k $dir -c listen_addresses='' -c max_connections=500 -c max_wal_size=256MB" start \
    >/dev/null 2>&1 || { cat "$dir/log" >&2; exit 1; }
echo "$dir"
read -r _ || true
"#;

const MISSING: &str = "PostgreSQL's server programs are not on this machine, and the suite runs on \
                       both engines. Install them: apt-get install postgresql";

struct Cluster {
    /// Where the socket is.
    dir: PathBuf,
    /// PostgreSQL's programs.
    bin: PathBuf,
    databases: AtomicU32,
    /// Holds the pipe that keeps the cluster alive.
    _watcher: Child,
}

/// Makes an empty database and gives its URL.
///
/// # Panics
/// When PostgreSQL is not installed or does not start; the message says what to do.
#[must_use]
pub fn new_database() -> String {
    static CLUSTER: OnceLock<Result<Cluster>> = OnceLock::new();
    let made = CLUSTER.get_or_init(start).as_ref().map_err(|error| anyhow!("{error:#}"));
    made.and_then(create).unwrap_or_else(|error| panic!("{error:#}"))
}

fn start() -> Result<Cluster> {
    let bin = programs().context(MISSING)?;
    let mut watcher = as_ordinary_user()?
        .args(["sh", "-c", WATCHER, "postgres-watcher"])
        .arg(&bin)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the shell that watches over PostgreSQL")?;
    let mut dir = String::new();
    BufReader::new(watcher.stdout.take().context("no pipe")?).read_line(&mut dir)?;
    if dir.is_empty() {
        let mut told = String::new();
        watcher.stderr.take().context("no pipe")?.read_to_string(&mut told)?;
        bail!("PostgreSQL does not start: {told}");
    }
    let dir = PathBuf::from(dir.trim_end());
    Ok(Cluster { dir, bin, databases: AtomicU32::default(), _watcher: watcher })
}

fn create(cluster: &Cluster) -> Result<String> {
    let name = format!("test{}", cluster.databases.fetch_add(1, Ordering::Relaxed));
    let output = Command::new(cluster.bin.join("createdb"))
        .arg("--host")
        .arg(&cluster.dir)
        .args(["--username", "wharf", &name])
        .output()?;
    ensure!(output.status.success(), "createdb: {}", String::from_utf8_lossy(&output.stderr));
    Ok(format!("postgres://wharf@localhost/{name}?host={}", cluster.dir.display()))
}

/// The folder of the newest version that Debian installed, else the one on the search path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .map(|(version, path)| (version, path.join("bin")))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .max();
    let searched = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|bin| bin.join("initdb").exists())
    };
    newest.map(|(_, bin)| bin).or_else(searched)
}

/// A command that runs what follows as somebody who is not root: PostgreSQL refuses root.
fn as_ordinary_user() -> Result<Command> {
    let output = Command::new("id").arg("-u").output().context("cannot run id")?;
    if output.stdout.trim_ascii() != b"0" {
        return Ok(Command::new("env"));
    }
    ensure!(
        Path::new("/usr/bin/setpriv").exists(),
        "PostgreSQL does not run as root, and setpriv, which changes the user, is not there. \
         Install it: apt-get install util-linux"
    );
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    Ok(command)
}
