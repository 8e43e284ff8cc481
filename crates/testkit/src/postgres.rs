//! A throw-away PostgreSQL: one cluster a test process, made at the first use, with a database for
//! each test; or one of its own for a test that stops it or is alone with it. A shell watches over
//! each and removes it when the process ends, however it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
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
    --options="-k $dir $2" start \
    >/dev/null 2>&1 || { cat "$dir/log" >&2; exit 1; }
echo "$dir"
read -r _ || true
"#;

const MISSING: &str = "PostgreSQL's server programs are not on this machine, and the suite runs on \
                       both engines. Install them: apt-get install postgresql";

/// How the server runs, beside where its socket is.
const SETTINGS: &str = "-c listen_addresses='' -c max_connections=500 -c max_wal_size=256MB";

/// A running PostgreSQL with its data.
pub struct Cluster {
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
    let made =
        CLUSTER.get_or_init(|| start(SETTINGS)).as_ref().map_err(|error| anyhow!("{error:#}"));
    made.and_then(create).unwrap_or_else(|error| panic!("{error:#}"))
}

impl Cluster {
    /// A cluster of its own, in which nothing happens but what the test does.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start; the message says what to do.
    #[must_use]
    pub fn start() -> Cluster {
        start(&format!("{SETTINGS} -c autovacuum=off")).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Panics
    /// When that does not succeed.
    #[must_use]
    pub fn new_database(&self) -> String {
        create(self).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Kills the server as a crash would, and starts it again with what its log holds. Returns
    /// when it takes connections.
    ///
    /// # Panics
    /// When that does not succeed.
    pub fn crash_and_restart(&self) {
        self.control(&["--mode=immediate", "--wait", "restart"]);
    }

    /// Stops the server as a crash would.
    ///
    /// # Panics
    /// When that does not succeed.
    pub fn crash(&self) {
        self.control(&["--mode=immediate", "--wait", "stop"]);
    }

    /// Starts it, with `settings` (`-c name=value …`) beside the usual ones.
    ///
    /// # Panics
    /// When that does not succeed.
    pub fn start_with(&self, settings: &str) {
        let options = format!("--options=-k {} {SETTINGS} {settings}", self.dir.display());
        self.control(&["--wait", &options, "start"]);
    }

    fn control(&self, arguments: &[&str]) {
        let log = format!("--log={}", self.dir.join("log").display());
        let status = as_ordinary_user()
            .expect("who this is was found out before")
            .arg(self.bin.join("pg_ctl"))
            .arg(format!("--pgdata={}", self.dir.join("data").display()))
            .args([&log, "--timeout=60"])
            .args(arguments)
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("pg_ctl can be run");
        assert!(status.success(), "pg_ctl {arguments:?}: {status}");
    }

    /// Writes a file that only the server may read, and gives its path.
    ///
    /// # Panics
    /// When that does not succeed.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.join(name);
        let mut shell = as_ordinary_user()
            .expect("who this is was found out before")
            .args(["sh", "-c", "umask 077; cat >\"$1\"", "sh"])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell can be run");
        let mut input = shell.stdin.take().expect("the pipe was asked for");
        input.write_all(content.as_bytes()).expect("the shell reads");
        drop(input);
        assert!(shell.wait().expect("the shell ends").success());
        path
    }

    /// What a statement gives in the database of this URL, as text, a row a line.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn ask(&self, url: &str, sql: &str) -> String {
        let output = Command::new(self.bin.join("psql"))
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql, url])
            .output()
            .expect("psql can be run");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Where connections come in.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join(".s.PGSQL.5432")
    }
}

fn start(settings: &str) -> Result<Cluster> {
    let bin = programs().context(MISSING)?;
    let mut watcher = as_ordinary_user()?
        .args(["sh", "-c", WATCHER, "postgres-watcher"])
        .arg(&bin)
        .arg(settings)
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

/// A command that runs what follows as somebody who is not root: PostgreSQL and its poolers refuse
/// root.
///
/// # Errors
/// When who this is cannot be found out, or the user not be changed.
pub fn as_ordinary_user() -> Result<Command> {
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
