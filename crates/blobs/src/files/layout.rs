//! The folders of a store: `blobs/{sha256,sha512}/{00..ff}`, `uploads`, `quarantine`, and the file `layout` that names the version.
//! All are made and flushed before the first upload, so that a push never has to make a folder durable; but those of
//! sha512, which few ever use, with the first blob that has such a digest.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    iter,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, MetadataExt},
    },
    path::Path,
    sync::{Mutex, PoisonError},
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};
use wharf_oci::Algorithm;

use super::disk::Disk;
use crate::{Error, Object};

/// What the file `layout` says.
pub(super) const LAYOUT: &str = "wharf blobs 1";

/// Who may look into the folders.
const MODE: u32 = 0o750;

/// The algorithms whose digests name objects.
pub(super) const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

/// The folders that stay open.
pub(super) struct Folders {
    pub(super) root: OwnedFd,
    pub(super) blobs: OwnedFd,
    pub(super) uploads: OwnedFd,
    pub(super) quarantine: OwnedFd,
    pub(super) rare: Rare,
}

/// The folders that are made with the first object that goes there.
pub(super) struct Rare {
    is_made: Mutex<bool>,
}

/// Whose they are.
const RARE: Algorithm = Algorithm::Sha512;

pub(super) fn open(root: &Path) -> Result<Folders, Error> {
    let known = known(root)?;
    let mut changed = !known;
    changed |= make(root)?;
    let blobs = root.join("blobs");
    let uploads = root.join("uploads");
    let quarantine = root.join("quarantine");
    changed |= make(&blobs)? | make(&uploads)? | make(&quarantine)?;
    let is_made = blobs.join(RARE.as_str()).exists();
    for algorithm in ALGORITHMS.into_iter().filter(|algorithm| is_made || *algorithm != RARE) {
        changed |= make_tree(&blobs, algorithm)?;
    }
    if fs::metadata(&blobs)?.dev() != fs::metadata(&uploads)?.dev() {
        return Err(Error::Devices);
    }
    if changed {
        sync(root)?;
    }
    if !known {
        write(root)?;
    }
    Ok(Folders {
        root: File::open(root)?.into(),
        blobs: File::open(blobs)?.into(),
        uploads: File::open(uploads)?.into(),
        quarantine: File::open(quarantine)?.into(),
        rare: Rare { is_made: Mutex::new(is_made) },
    })
}

impl Rare {
    /// Makes sure that there is a durable folder for this object. Blocks, once for many milliseconds.
    pub(super) fn make_for(
        &self,
        object: &Object,
        disk: &Disk,
        blobs: &OwnedFd,
    ) -> Result<(), Error> {
        if object.digest().is_none_or(|digest| digest.algorithm() != RARE) {
            return Ok(());
        }
        // A panic in between leaves at most some of the folders, which are looked at anew.
        let mut is_made = self.is_made.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_made {
            return Ok(());
        }
        for folder in iter::once(RARE.to_string()).chain(folders(RARE)) {
            match rustix::fs::mkdirat(blobs, folder, Mode::from_raw_mode(MODE)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(Errno::NOSPC | Errno::DQUOT) => return Err(Error::Full),
                Err(errno) => return Err(Error::Io(errno.into())),
            }
        }
        for folder in [RARE.as_str(), "."] {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(blobs, folder, flags, Mode::empty());
            disk.sync_folder(opened.map_err(io::Error::from)?)?;
        }
        *is_made = true;
        Ok(())
    }
}

/// True when one of the algorithm's folders was not there.
fn make_tree(blobs: &Path, algorithm: Algorithm) -> io::Result<bool> {
    let mut changed = make(&blobs.join(algorithm.as_str()))?;
    for folder in folders(algorithm) {
        changed |= make(&blobs.join(folder))?;
    }
    Ok(changed)
}

/// The folders of one algorithm, `sha256/00` to `sha256/ff`.
pub(super) fn folders(algorithm: Algorithm) -> impl Iterator<Item = String> {
    (0..=255u8).map(move |first| format!("{algorithm}/{first:02x}"))
}

/// Whether the folder was laid out completely before. A half-made one has no `layout` file yet.
fn known(root: &Path) -> Result<bool, Error> {
    let mut found = String::new();
    match File::open(root.join("layout")) {
        Ok(file) => file.take(100).read_to_string(&mut found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let found = found.lines().next().unwrap_or_default();
    if found == LAYOUT {
        Ok(true)
    } else {
        Err(Error::Layout { found: found.to_owned(), known: LAYOUT })
    }
}

/// True when the folder was not there.
fn make(folder: &Path) -> io::Result<bool> {
    match DirBuilder::new().mode(MODE).create(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the names of all folders durable. The innermost are still empty, and flushed with each object they get.
fn sync(root: &Path) -> io::Result<()> {
    let blobs = root.join("blobs");
    for folder in ALGORITHMS.map(|algorithm| blobs.join(algorithm.as_str())) {
        if folder.exists() {
            sync_folder(&folder)?;
        }
    }
    sync_folder(&blobs)?;
    sync_folder(&root.join("uploads"))?;
    sync_folder(root)?;
    // `root` itself may be new. A folder above that we may not even open was not waiting for us to make something.
    match sync_folder(&root.canonicalize()?.join("..")) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}

/// Never rewritten in place: the name appears when the content is durable.
fn write(root: &Path) -> io::Result<()> {
    let new = root.join("layout.new");
    let mut file = File::create(&new)?;
    writeln!(file, "{LAYOUT}")?;
    file.sync_all()?;
    fs::rename(new, root.join("layout"))?;
    sync_folder(root)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
