//! The test's own way onto a host: code of the test that runs in the host's network, for what no
//! client program can do, such as breaking off in the middle of a request.

use std::{
    fs::File,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::Host;

impl Host {
    /// Runs `act` on a thread of its own that is on this host's network; threads that it starts
    /// are there too. The thread's one runtime also runs the tasks that `act` spawns.
    ///
    /// # Errors
    /// Those of `act`, with the end of the server's log. A panic of `act` goes on here.
    pub fn inside<T: Send>(&self, act: impl AsyncFnOnce() -> Result<T> + Send) -> Result<T> {
        let network = self.network()?;
        thread::scope(|scope| match scope.spawn(|| enter(&network, act)).join() {
            Ok(outcome) => outcome.map_err(|error| error.context(self.end_of_log())),
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    /// This host's network, for [`enter`].
    pub(crate) fn network(&self) -> Result<File> {
        File::open(self.proc("ns/net")).context("the host's network")
    }

    /// A file or folder as the host sees it: below what is mounted there.
    pub fn mounted(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        self.proc("root").join(path.strip_prefix("/").unwrap_or(&path))
    }

    fn proc(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.first_process().to_string()).join(name)
    }
}

/// Takes the calling thread to a host's network for good, and runs `act` there to its end.
pub(crate) fn enter<T>(network: &File, act: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(act())
}
