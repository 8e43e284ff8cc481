//! The kernel's side of a host: a network of its own with only a loopback (so any port is free and
//! nothing outside can be reached), its own mounts and its own processes. All of it, with whatever
//! was started or mounted inside, ends with the value, even when the test is killed.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// What the first process does: the network; copies of `/etc` and `/var` that keep what is written
/// to themselves; the names; empty folders where podman, buildah and skopeo of root keep images and
/// passwords. Then it waits for the end of its input. `$0` is the host's folder.
const FURNISH: &str = "\
ip link set lo up
for name in etc var; do
    mkdir -p \"$0/$name/upper\" \"$0/$name/work\"
    mount -t overlay overlay -o \"lowerdir=/$name,upperdir=$0/$name/upper,workdir=$0/$name/work\" /$name
done
cp \"$0/hosts\" /etc/hosts
mkdir -p /var/lib/containers
for folder in /run /var/lib/containers; do mount -t tmpfs tmpfs $folder; done
echo ready
exec cat";

pub(crate) struct Namespaces {
    holder: Child,
    /// The first process ends when this pipe closes, and the kernel closes it for a killed test
    /// too. With the first process of a process namespace, the kernel ends all others.
    lifeline: Option<ChildStdin>,
    /// The first process, as the machine numbers it.
    pub(crate) first: u32,
}

impl Namespaces {
    /// Makes the namespaces; the file `hosts` of the folder becomes `/etc/hosts`.
    pub(crate) fn start(dir: &Path) -> Result<Self> {
        let log = dir.join("namespaces.log");
        let mut holder = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-ec", FURNISH])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("unshare, of Debian's util-linux, cannot be run")?;
        let lifeline = holder.stdin.take();
        let mut line = String::new();
        let stdout = holder.stdout.take().context("the pipe was asked for")?;
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.trim() == "ready", "no namespaces here: {}", fs::read_to_string(&log)?);
        let first = first_child(holder.id())?;
        Ok(Self { holder, lifeline, first })
    }

    /// A command that will run inside, in the folder given.
    pub(crate) fn command(&self, folder: &Path, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.first.to_string(), "--mount", "--net", "--pid"])
            .arg(format!("--wd={}", folder.display()))
            .args(["--", program]);
        command
    }

    /// Ends every process inside.
    pub(crate) fn end(&mut self) {
        drop(self.lifeline.take());
        // A failure to wait would mean that it has been waited for.
        let _ = self.holder.wait();
    }
}

fn first_child(pid: u32) -> Result<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let first = children.split_whitespace().next().context("the first process is gone")?;
    Ok(first.parse()?)
}
