//! The mark as a file beside `blobs`.

use std::{
    fs::File,
    io::Read as _,
    sync::{Arc, PoisonError},
};

use bytes::Bytes;
use rustix::fs::{Mode, OFlags};

use super::{Files, blocking, open::READ};
use crate::{
    Error,
    installation::{LONGEST, MARK},
};

impl Files {
    pub(crate) async fn read_mark(self: &Arc<Files>) -> Result<Option<Vec<u8>>, Error> {
        let files = Arc::clone(self);
        blocking(move || {
            let file = match rustix::fs::openat(&files.root, MARK, READ, Mode::empty()) {
                Ok(file) => File::from(file),
                Err(rustix::io::Errno::NOENT) => return Ok(None),
                Err(errno) => return Err(Error::Io(errno.into())),
            };
            let mut found = Vec::new();
            file.take(LONGEST + 1).read_to_end(&mut found)?;
            Ok(Some(found))
        })
        .await
    }

    /// The name appears when the content is durable, and replaces nothing.
    pub(crate) async fn write_mark(self: &Arc<Files>, bytes: Bytes) -> Result<(), Error> {
        self.disk.writable()?;
        let files = Arc::clone(self);
        blocking(move || {
            let _marking = files.marking.lock().unwrap_or_else(PoisonError::into_inner);
            let (disk, root) = (&files.disk, &files.root);
            let new = format!("{MARK}.new");
            let file = disk.open(root, &new, OFlags::CREATE | OFlags::TRUNC)?;
            disk.write(&file, &[bytes], 0)?;
            disk.sync(&file)?;
            match disk.rename(root, &new, root, MARK) {
                Ok(()) => disk.sync_folder(root),
                Err(error) => {
                    disk.remove(root, &new)?;
                    Err(error)
                }
            }
        })
        .await
    }
}
