//! A server whose process the test holds: it can be killed, stopped and started again on the same
//! data, and looked into. The requests are in `client.rs`.

use std::{
    fs::{self, File},
    net::SocketAddr,
    process::{Child, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

use crate::{Client, Host};

/// How long a start may take on a machine with two busy cores.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// The root credentials of a [`Server`], chosen so that the test can sign.
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
/// The secret of [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A running `wharf serve`. Dropping it kills it.
pub struct Server {
    child: Child,
    pid: Pid,
    /// Where it listens; the port is its own, since the host's network is.
    pub address: SocketAddr,
}

impl Server {
    /// Starts the server, configured by the host's variables and by these, and waits until it is
    /// ready. Its log goes on in the host's `wharf.log`. Call it inside the host.
    ///
    /// # Errors
    /// With its log, when it ends or is not ready in time.
    pub async fn start(host: &Host, settings: &[(&str, &str)]) -> Result<Self> {
        let mut server = Self::spawn(host, settings)?;
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if Client::to(server.address).get("/readyz").await.is_ok_and(|a| a.status == 200) {
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", log(host)?);
            }
            ensure!(Instant::now() < deadline, "the server is not ready:\n{}", log(host)?);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Starts the server and waits for nothing.
    ///
    /// # Errors
    /// When no process can be started.
    pub fn spawn(host: &Host, settings: &[(&str, &str)]) -> Result<Self> {
        let log = File::options().create(true).append(true).open(host.path("wharf.log"))?;
        let child = host
            .command("wharf")
            .arg("serve")
            .env("WHARF_ROOT_ACCESS_KEY_ID", ACCESS_KEY)
            .env("WHARF_ROOT_SECRET_ACCESS_KEY", SECRET_KEY)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let pid = only_child(child.id())?;
        let listen = settings.iter().find(|(name, _)| *name == "WHARF_LISTEN");
        let address = listen.map_or("127.0.0.1:5080", |(_, address)| address).parse()?;
        Ok(Self { child, pid, address })
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn kill(mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        let status = self.child.wait()?;
        ensure!(status.code().is_none(), "it had ended already, with {status}");
        Ok(())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid, signal).with_context(|| format!("signal {signal:?}"))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it still runs after that time.
    pub async fn ended(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "the server still runs after {within:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops it as an operator does.
    ///
    /// # Errors
    /// When it does not end with success within a minute.
    pub async fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        let status = self.ended(Duration::from_secs(60)).await?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }

    /// How many files and sockets it has open.
    ///
    /// # Errors
    /// When it has ended.
    pub fn open_files(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid.as_raw_nonzero()))?.count())
    }

    /// The most memory that it had resident so far, in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no VmHWM")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // A failure means that it has just ended by itself.
            let _ = self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

fn log(host: &Host) -> Result<String> {
    Ok(fs::read_to_string(host.path("wharf.log"))?)
}

/// `nsenter` stays, with the program itself as its only child.
fn only_child(pid: u32) -> Result<Pid> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let children = fs::read_to_string(&path).context("nsenter has ended")?;
        if let Some(child) = children.split_whitespace().next() {
            return Pid::from_raw(child.parse()?).context("zero is no process");
        }
        ensure!(Instant::now() < deadline, "nsenter starts nothing");
        std::thread::sleep(Duration::from_micros(200));
    }
}
