//! The file of the audit trail: begun anew each day (UTC) and when it has grown too large. What was
//! written before lies beside it under the time at which it ended, until there are too many.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Tells the time.
pub type Now = Box<dyn Fn() -> Timestamp + Send>;

/// A file that is rotated by day and by size. Nobody but its owner can read it.
pub struct Rotated {
    path: PathBuf,
    limits: Limits,
    now: Now,
    file: File,
    size: u64,
    /// The day of what is in the file.
    day: String,
    /// How many files this process has ended.
    count: u64,
}

/// When a file ends, and how many are kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of a file; a single piece that is larger still gets one of its own.
    pub size: u64,
    /// How many ended files are kept.
    pub keep: usize,
}

impl Rotated {
    /// Goes on with the file at `path`, whose folder is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(path: PathBuf, limits: Limits, now: Now) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let file = opened(&path)?;
        let found = file.metadata()?;
        let written = Timestamp::from_second(found.mtime()).unwrap_or_else(|_| now());
        let day = if found.len() == 0 { day(now()) } else { day(written) };
        Ok(Self { path, limits, now, file, size: found.len(), day, count: 0 })
    }

    /// Ends the file if it is of another day, or would grow too large by `more` bytes. A file that
    /// somebody moved away or removed is not written to any more either.
    fn make_room(&mut self, more: u64) -> io::Result<()> {
        let now = (self.now)();
        let ends = self.size > 0
            && (self.day != day(now) || self.size.saturating_add(more) > self.limits.size);
        if ends && self.is_ours()? {
            let ended = self.ended(now);
            fs::rename(&self.path, ended)?;
            self.remove_oldest();
        }
        if ends || !self.is_ours()? {
            self.file = opened(&self.path)?;
            self.size = self.file.metadata()?.len();
        }
        if self.size == 0 {
            self.day = day(now);
        }
        Ok(())
    }

    /// Whether what lies at the path is the file that we write to.
    fn is_ours(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        Ok(fs::metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
    }

    /// The name of a file that ends now: after those of all that ended before.
    fn ended(&mut self, now: Timestamp) -> PathBuf {
        self.count += 1;
        let (stem, extension) = self.names();
        let (time, count) = (now.strftime("%Y%m%dT%H%M%S.%6fZ"), self.count);
        self.path.with_file_name(format!("{stem}-{time}-{count:06}{extension}"))
    }

    /// Removes ended files beyond those that are kept. What cannot be removed is tried again when
    /// the next file ends.
    fn remove_oldest(&self) {
        let (stem, extension) = self.names();
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else { return };
        // As `ended` names them: the time has 23 characters, the count six.
        let length = stem.len() + 1 + 23 + 1 + 6 + extension.len();
        let prefix = format!("{stem}-2");
        let is_ended = |name: &String| {
            name.len() == length && name.starts_with(&prefix) && name.ends_with(&extension)
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut ended: Vec<String> = names.filter(is_ended).collect();
        ended.sort_unstable();
        for name in ended.iter().rev().skip(self.limits.keep) {
            if let Err(error) = fs::remove_file(self.path.with_file_name(name)) {
                tracing::warn!(%error, name, "an old file of the audit trail stays");
            }
        }
    }

    /// The name without its extension, and the extension with its dot.
    fn names(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let extension = text(self.path.extension());
        let dot = if extension.is_empty() { "" } else { "." };
        (text(self.path.file_stem()), format!("{dot}{extension}"))
    }
}

impl Write for Rotated {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.make_room(lines.len() as u64)?;
        let written = self.file.write(lines)?;
        self.size += written as u64;
        Ok(written)
    }

    /// All or, if there is no room for all, as much as there is; without a file's end in between.
    fn write_all(&mut self, lines: &[u8]) -> io::Result<()> {
        self.make_room(lines.len() as u64)?;
        let written = self.file.write_all(lines);
        self.size = self.file.metadata()?.len();
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn opened(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::{Arc, Mutex};

    use super::*;

    struct World {
        folder: tempfile::TempDir,
        now: Arc<Mutex<Timestamp>>,
    }

    impl World {
        fn new() -> World {
            let folder = tempfile::tempdir().unwrap();
            World { folder, now: Arc::new(Mutex::new("2026-01-01T23:59:59Z".parse().unwrap())) }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("audit/audit.jsonl")
        }

        fn open(&self, size: u64, keep: usize) -> Rotated {
            let now = self.now.clone();
            let now = Box::new(move || *now.lock().unwrap());
            Rotated::open(self.path(), Limits { size, keep }, now).unwrap()
        }

        fn set(&self, now: &str) {
            *self.now.lock().unwrap() = now.parse().unwrap();
        }

        /// The contents, the ended ones first in their order.
        fn contents(&self) -> Vec<String> {
            let mut names: Vec<_> = fs::read_dir(self.path().parent().unwrap())
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| *path != self.path())
                .collect();
            names.sort();
            names.push(self.path());
            names.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
        }
    }

    #[test]
    fn a_file_ends_with_its_day_and_at_its_size() {
        let world = World::new();
        let mut file = world.open(10, 100);
        file.write_all(b"one\n").unwrap();
        file.write_all(b"two\n").unwrap();
        file.write_all(b"three\n").unwrap();
        assert_eq!(world.contents(), ["one\ntwo\n", "three\n"]);
        world.set("2026-01-02T00:00:00Z");
        file.write_all(b"four\n").unwrap();
        assert_eq!(world.contents(), ["one\ntwo\n", "three\n", "four\n"]);
        file.write_all(b"larger than a file may be\n").unwrap();
        file.write_all(b"x\n").unwrap();
        let last = ["four\n", "larger than a file may be\n", "x\n"];
        assert_eq!(world.contents()[2..], last);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&world.path()), 0o600);
        assert_eq!(mode(world.path().parent().unwrap()), 0o700);
    }

    #[test]
    fn the_oldest_go_and_what_is_not_ours_stays() {
        let world = World::new();
        let mut file = world.open(4, 2);
        let other = world.path().with_file_name("audit-notes.jsonl");
        fs::write(&other, "mine").unwrap();
        for line in ["1\n", "two\n", "3\n", "four\n", "5\n"] {
            file.write_all(line.as_bytes()).unwrap();
        }
        fs::remove_file(other).unwrap();
        assert_eq!(world.contents(), ["3\n", "four\n", "5\n"]);
    }

    #[test]
    fn it_goes_on_after_a_restart_and_when_the_file_was_moved() {
        let world = World::new();
        world.open(100, 2).write_all(b"one\n").unwrap();
        // The file was written today, by the clock of the file system: what is in it has ended.
        world.set(&Timestamp::now().to_string());
        let mut file = world.open(100, 2);
        file.write_all(b"two\n").unwrap();
        assert_eq!(world.contents(), ["one\ntwo\n"]);
        let moved = world.folder.path().join("moved");
        fs::rename(world.path(), &moved).unwrap();
        file.write_all(b"three\n").unwrap();
        assert_eq!(world.contents(), ["three\n"]);
        assert_eq!(fs::read_to_string(moved).unwrap(), "one\ntwo\n");
        fs::remove_file(world.path()).unwrap();
        file.write_all(b"four\n").unwrap();
        assert_eq!(world.contents(), ["four\n"]);
    }
}
