//! Listings for the sweep, and the room on the disk. What may be deleted is decided by the registry from its rows and
//! ages, never here.

use std::{
    io,
    os::fd::OwnedFd,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::{Stream, StreamExt, stream};
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags},
    io::Errno,
};
use uuid::Uuid;

use super::{Files, layout};
use crate::{Listed, Object, Space};

impl Files {
    pub(crate) fn list_uploads(
        self: &Arc<Files>,
    ) -> impl Stream<Item = io::Result<Listed<Uuid>>> + Send + 'static {
        let files = Arc::clone(self);
        let folder = move || list(&files.uploads, ".", |name| Uuid::from_str(name).ok());
        stream::once(async { tokio::task::spawn_blocking(folder).await }).flat_map(flatten)
    }

    /// Holds the names of one of the 512 folders in memory at a time.
    pub(crate) fn list_objects(
        self: &Arc<Files>,
    ) -> impl Stream<Item = io::Result<Listed<Object>>> + Send + 'static {
        let files = Arc::clone(self);
        stream::iter(layout::ALGORITHMS.into_iter().flat_map(layout::folders))
            .then(move |folder| {
                let files = Arc::clone(&files);
                tokio::task::spawn_blocking(move || {
                    list(&files.blobs, &folder, |name| {
                        Object::from_str(&format!("{folder}/{name}")).ok()
                    })
                })
            })
            .flat_map(flatten)
    }

    pub(crate) fn space(&self) -> io::Result<Space> {
        let found = rustix::fs::fstatvfs(&self.blobs)?;
        Ok(Space { free: found.f_bavail * found.f_frsize, total: found.f_blocks * found.f_frsize })
    }
}

type Folder<Name> = Result<io::Result<Vec<Listed<Name>>>, tokio::task::JoinError>;

fn flatten<Name>(folder: Folder<Name>) -> impl Stream<Item = io::Result<Listed<Name>>> {
    let items: Vec<_> = match folder.map_err(io::Error::other).flatten() {
        Ok(found) => found.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    };
    stream::iter(items)
}

fn list<Name>(
    parent: &OwnedFd,
    path: &str,
    named: impl Fn(&str) -> Option<Name>,
) -> io::Result<Vec<Listed<Name>>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = match rustix::fs::openat(parent, path, flags, Mode::empty()) {
        // Not made yet.
        Err(Errno::NOENT) => return Ok(Vec::new()),
        opened => opened?,
    };
    let mut found = Vec::new();
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let Ok(text) = entry.file_name().to_str() else {
            continue;
        };
        if text == "." || text == ".." {
            continue;
        }
        let Some(name) = named(text) else {
            tracing::warn!(folder = path, name = text, "a stranger in the blob store");
            continue;
        };
        match rustix::fs::statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => found.push(Listed {
                name,
                size: stat.st_size as u64,
                // The change time too: a promotion gives an old file its new name.
                modified: time(stat.st_mtime, stat.st_mtime_nsec as u32)
                    .max(time(stat.st_ctime, stat.st_ctime_nsec as u32)),
            }),
            Ok(_) => tracing::warn!(folder = path, name = text, "not a file in the blob store"),
            // Promoted or removed since the folder was read.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(found)
}

/// A time before 1970 cannot have been written by the store; it counts as 1970.
fn time(seconds: i64, nanoseconds: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(seconds.try_into().unwrap_or(0), nanoseconds)
}
