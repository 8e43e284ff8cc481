//! Opening an object for reading. What was opened stays open in a bounded cache: an object never changes under its
//! name, so an entry is right until the object is deleted.

use std::{fs::File, os::fd::OwnedFd, sync::Arc};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags},
    io::Errno,
};

use super::{Files, blocking};
use crate::{Content, Error, Object};

pub(super) const READ: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

impl Files {
    pub(crate) async fn content(self: &Arc<Files>, object: &Object) -> Result<Content, Error> {
        if let Some(content) = self.opened.get(object) {
            return Ok(content);
        }
        // Where the kernel knows the name already, opening does not block.
        match open_cached(&self.blobs, object.as_str()) {
            Ok(file) => self.remember(object, file),
            Err(Errno::NOENT) => Err(Error::Missing),
            Err(_) => {
                let (files, object) = (Arc::clone(self), object.clone());
                blocking(move || {
                    let file =
                        rustix::fs::openat(&files.blobs, object.as_str(), READ, Mode::empty());
                    files.remember(&object, file.map_err(judged)?)
                })
                .await
            }
        }
    }

    /// Whether an open object still has its name: somebody may have removed the file by hand. One that has none is
    /// forgotten, so that it is missed from then on.
    pub(crate) fn is_named(&self, object: &Object, content: &Content) -> Result<bool, Error> {
        let is_named = content.is_named()?;
        if !is_named {
            self.opened.forget(object);
        }
        Ok(is_named)
    }

    fn remember(&self, object: &Object, file: OwnedFd) -> Result<Content, Error> {
        let file = File::from(file);
        let content = Content::of_file(Arc::new(file))?;
        self.opened.insert(object.clone(), content.clone());
        // A delete may have run since the file was opened. It removes the name before it looks into the cache, so
        // either it finds this entry or the name is seen to be gone here.
        if !content.is_named()? {
            self.opened.forget(object);
            return Err(Error::Missing);
        }
        Ok(content)
    }
}

fn open_cached(folder: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::CACHED | ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    rustix::fs::openat2(folder, name, READ, Mode::empty(), resolve)
}

pub(super) fn judged(errno: Errno) -> Error {
    if errno == Errno::NOENT { Error::Missing } else { Error::Io(errno.into()) }
}
