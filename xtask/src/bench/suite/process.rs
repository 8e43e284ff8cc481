//! A server as the kernel sees it: started with its output in a file, its CPU time and its memory,
//! stopped with its children when it goes out of scope.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use procfs::process::{ClearRefs, Process, all_processes};

use super::share::Group;

const STOP: Duration = Duration::from_secs(10);

/// A running server and, once [`ServerProcess::adopt_children`] was called, its workers.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    children: Vec<i32>,
    /// More of its kind, that share the work.
    others: Vec<ServerProcess>,
    log: PathBuf,
    /// What bounds it. Goes after the server, since a group with processes stays.
    group: Option<Group>,
}

impl ServerProcess {
    /// Starts `command`; what it prints goes to `log`.
    ///
    /// # Errors
    /// Fails if the program or the log cannot be opened.
    pub fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let output = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| {
                format!("{:?} cannot be started; is it installed?", command.get_program())
            })?;
        let (children, others) = (Vec::new(), Vec::new());
        Ok(Self { child, children, others, log: log.to_owned(), group: None })
    }

    /// Fails, with the end of the log, if the server has ended.
    ///
    /// # Errors
    /// See above.
    pub fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let start = log.len().saturating_sub(2_000);
            bail!(
                "the server ended with {status}: {}",
                String::from_utf8_lossy(&log.as_bytes()[start..])
            );
        }
        Ok(())
    }

    /// Counts the CPU time of another server of the same kind too. Of memory, the most that one of
    /// them has is told.
    pub fn join(&mut self, other: Self) {
        self.others.push(other);
    }

    /// Holds the server, and each other of its kind, to `percent` of one core from now on.
    ///
    /// # Errors
    /// Fails if there are no control groups, or this user may not make one.
    pub fn hold(&mut self, percent: u32) -> anyhow::Result<()> {
        let group = Group::new(percent)?;
        group.take(self.pid())?;
        self.group = Some(group);
        self.others.iter_mut().try_for_each(|other| other.hold(percent))
    }

    /// Counts the CPU time of the workers that the server has by now started as its own.
    ///
    /// # Errors
    /// Fails if `/proc` cannot be read.
    pub fn adopt_children(&mut self) -> anyhow::Result<()> {
        self.children = all_processes()?
            .filter_map(|process| process.and_then(|process| process.stat()).ok())
            .filter(|stat| stat.ppid == self.pid())
            .map(|stat| stat.pid)
            .collect();
        Ok(())
    }

    /// CPU time, user and system, spent so far by the server and its workers, to the nanosecond
    /// (the ticks of `/proc/PID/stat` are 10 ms).
    ///
    /// # Errors
    /// Fails if one of them has ended.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let mut total = Duration::ZERO;
        for pid in std::iter::once(self.pid()).chain(self.children.iter().copied()) {
            let clock = clock_getcpuclockid(Pid::from_raw(pid)).context("the server has ended")?;
            total += Duration::from(clock_gettime(clock)?);
        }
        for other in &self.others {
            total += other.cpu()?;
        }
        Ok(total)
    }

    /// Resident memory now, in KiB.
    ///
    /// # Errors
    /// Fails if the server has ended.
    pub fn resident(&self) -> anyhow::Result<u64> {
        Process::new(self.pid())?.status()?.vmrss.context("the server has ended")
    }

    /// The highest resident memory, in KiB, since the start or [`ServerProcess::forget_peak`].
    ///
    /// # Errors
    /// Fails if the server has ended.
    pub fn peak(&self) -> anyhow::Result<u64> {
        let peak = Process::new(self.pid())?.status()?.vmhwm.context("the server has ended")?;
        self.others.iter().try_fold(peak, |peak, other| Ok(peak.max(other.peak()?)))
    }

    /// Lets the peak begin anew from what is resident now.
    ///
    /// # Errors
    /// Fails if the server has ended.
    pub fn forget_peak(&self) -> anyhow::Result<()> {
        Process::new(self.pid())?.clear_refs(ClearRefs::PeakRSS)?;
        self.others.iter().try_for_each(Self::forget_peak)
    }

    fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

impl Drop for ServerProcess {
    /// Asks the server to end, so that it ends its workers, and insists after ten seconds.
    fn drop(&mut self) {
        let asked = kill(Pid::from_raw(self.pid()), Signal::SIGTERM);
        let begin = Instant::now();
        while asked.is_ok() && begin.elapsed() < STOP {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // It has either ended already or not listened; there is no one to tell about a failure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
