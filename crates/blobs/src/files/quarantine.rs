//! Objects under suspicion: reading them from the disk itself, and putting them aside. What is wrong is decided by the
//! registry, which knows digest and size.

use std::{fs::File, sync::Arc};

use rustix::fs::{Advice, Mode, fadvise};

use super::{
    Files, blocking,
    open::{READ, judged},
};
use crate::{Content, Error, Object};

impl Files {
    pub(crate) async fn content_anew(self: &Arc<Files>, object: &Object) -> Result<Content, Error> {
        let (files, object) = (Arc::clone(self), object.clone());
        blocking(move || {
            let opened = rustix::fs::openat(&files.blobs, object.as_str(), READ, Mode::empty());
            let file = File::from(opened.map_err(judged)?);
            // What lies in memory may be right when the disk is not. Both are hints, which a kernel may not know; and
            // what is read once only should not push out what is pulled often.
            for hint in [Advice::DontNeed, Advice::NoReuse] {
                let _ = fadvise(&file, 0, None, hint);
            }
            Ok(Content::of_file(Arc::new(file))?)
        })
        .await
    }

    pub(crate) async fn quarantine(self: &Arc<Files>, object: &Object) -> Result<(), Error> {
        self.disk.writable()?;
        let (files, object) = (Arc::clone(self), object.clone());
        blocking(move || {
            let name = object.as_str().replace('/', "-");
            match files.disk.rename(&files.blobs, object.as_str(), &files.quarantine, &name) {
                Ok(()) => {}
                Err(Error::Missing) => return Ok(()),
                Err(error) => return Err(error),
            }
            // Who opened it before and remembers it after this line keeps a file that is wrong: so the registry gives
            // the blob another name, too.
            files.opened.forget(&object);
            files.disk.sync_folder(&files.quarantine)
        })
        .await
    }
}
