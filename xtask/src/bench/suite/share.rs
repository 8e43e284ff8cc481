//! A bounded share of one core for a server, by a control group of the kernel: so two replicas on
//! one machine have twice what one has, as on machines of their own. Both versions of the kernel's
//! interface are spoken; the group goes when its value does.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// How often the kernel gives out the share anew, in microseconds: a server that has used it up
/// waits for the rest of this time. Short, so that what a client waits for is mostly work.
const PERIOD: u32 = 20_000;

/// How often, and how long apart, a group is asked to go: the kernel may still be busy with a
/// process that has just ended.
const PATIENCE: (u32, Duration) = (200, Duration::from_millis(5));

/// A control group whose processes together have no more than their share.
#[derive(Debug)]
pub struct Group {
    dir: PathBuf,
}

/// Where control groups with the `cpu` controller are, and how they are spoken to
/// (the kernel's `admin-guide/cgroup-v1` and `admin-guide/cgroup-v2`).
#[derive(Debug, PartialEq, Eq)]
enum Hierarchy {
    One(PathBuf),
    Two(PathBuf),
}

impl Group {
    /// Makes a group whose processes together have `percent` of one core.
    ///
    /// # Errors
    /// Fails if this machine has no such groups, or this user may not make one.
    pub fn new(percent: u32) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let hierarchy = Hierarchy::find(&mounts).context(
            "--share needs control groups with the cpu controller, and none are mounted",
        )?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("wharf-bench-{}-{number}", std::process::id());
        hierarchy.group(&name, percent).with_context(|| {
            format!(
                "--share needs the right to make control groups in {}",
                hierarchy.root().display()
            )
        })
    }

    /// Takes a process, with all its threads, into the group.
    ///
    /// # Errors
    /// Fails if it has ended.
    pub fn take(&self, pid: i32) -> Result<()> {
        write(&self.dir.join("cgroup.procs"), &pid.to_string())
    }
}

impl Drop for Group {
    /// Its processes must have ended before.
    fn drop(&mut self) {
        let (times, pause) = PATIENCE;
        for _ in 0..times {
            match fs::remove_dir(&self.dir) {
                Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(pause);
                }
                Ok(()) => return,
                Err(_) => break,
            }
        }
        eprintln!("{} could not be removed; `rmdir` does it", self.dir.display());
    }
}

impl Hierarchy {
    /// The hierarchy of version 1 that has the controller, or else that of version 2. `mounts` is
    /// the text of `/proc/self/mounts`.
    fn find(mounts: &str) -> Option<Self> {
        let mounts: Vec<Vec<&str>> = mounts.lines().map(|line| line.split(' ').collect()).collect();
        let root = |version: &str, option: &str| {
            mounts.iter().find_map(|mount| match mount[..] {
                [_, root, kind, options, ..] if kind == version => {
                    let has = option.is_empty() || options.split(',').any(|has| has == option);
                    has.then(|| PathBuf::from(root))
                }
                _ => None,
            })
        };
        let first = root("cgroup", "cpu").map(Self::One);
        first.or_else(|| root("cgroup2", "").map(Self::Two))
    }

    fn root(&self) -> &Path {
        match self {
            Self::One(root) | Self::Two(root) => root,
        }
    }

    fn group(&self, name: &str, percent: u32) -> Result<Group> {
        if let Self::Two(root) = self {
            write(&root.join("cgroup.subtree_control"), "+cpu")?;
        }
        let dir = self.root().join(name);
        fs::create_dir(&dir).with_context(|| dir.display().to_string())?;
        let group = Group { dir };
        for (file, text) in self.bounds(percent) {
            write(&group.dir.join(file), &text)?;
        }
        Ok(group)
    }

    /// The files of a group that hold it to its share, and what is written to them.
    fn bounds(&self, percent: u32) -> Vec<(&'static str, String)> {
        let quota = PERIOD * percent / 100;
        match self {
            Self::One(_) => vec![
                ("cpu.cfs_period_us", PERIOD.to_string()),
                ("cpu.cfs_quota_us", quota.to_string()),
            ],
            Self::Two(_) => vec![("cpu.max", format!("{quota} {PERIOD}"))],
        }
    }
}

/// Writes to a file of the kernel, which is there already.
fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("writing {text:?} to {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_with_the_cpu_controller_is_found() {
        let unified = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        let old =
            "cgroup /c/cpuset cgroup rw,cpuset 0 0\ncgroup /c/cpu cgroup rw,cpu,cpuacct 0 0\n";
        let one = Hierarchy::One("/c/cpu".into());
        for (mounts, found) in [
            (unified.to_owned(), Some(Hierarchy::Two("/sys/fs/cgroup".into()))),
            (old.to_owned(), Some(one)),
            (format!("{unified}{old}"), Some(Hierarchy::One("/c/cpu".into()))),
            ("proc /proc proc rw 0 0\ntmpfs /cpu tmpfs rw,cpu 0 0\n".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(Hierarchy::find(&mounts), found, "{mounts}");
        }
    }

    #[test]
    fn a_share_is_a_part_of_each_period() {
        let text = |hierarchy: Hierarchy, percent| {
            let bounds = hierarchy.bounds(percent).into_iter();
            bounds.map(|(file, text)| format!("{file}={text}")).collect::<Vec<_>>().join(" ")
        };
        for (percent, quota) in [(5, 1_000), (25, 5_000), (100, 20_000)] {
            assert_eq!(
                text(Hierarchy::One("/".into()), percent),
                format!("cpu.cfs_period_us=20000 cpu.cfs_quota_us={quota}")
            );
            assert_eq!(text(Hierarchy::Two("/".into()), percent), format!("cpu.max={quota} 20000"));
        }
    }
}
