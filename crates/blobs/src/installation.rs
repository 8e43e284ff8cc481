//! The mark that says whose bytes these are: one small text in the store, the name of the installation whose database
//! knows the objects. What a mark is compared with, and what a difference means, is the registry's business.

use std::io;

use bytes::Bytes;

use crate::{Error, Store, store::Engine};

/// The file in the store's folder, or the object below the prefix.
pub(crate) const MARK: &str = "installation";

/// No mark has more bytes than this.
pub(crate) const LONGEST: u64 = 256;

impl Store {
    /// The mark of this store; None where there is none yet. Errors: those of reading, and [`Error::Io`] of the kind
    /// `InvalidData` for a mark that is empty, too long or no text.
    pub async fn installation(&self) -> Result<Option<String>, Error> {
        let found = match &self.0 {
            Engine::Files(files) => files.read_mark().await?,
            Engine::S3(s3) => s3.read_mark().await?,
        };
        found.map(|bytes| text(&bytes)).transpose()
    }

    /// Marks the store, durably, unless it has a mark: that is never replaced. Gives the mark that is there now, which
    /// another process may have put there first.
    pub async fn mark(&self, installation: &str) -> Result<String, Error> {
        let bytes = Bytes::from(format!("{installation}\n"));
        let marked = match &self.0 {
            Engine::Files(files) => files.write_mark(bytes).await,
            Engine::S3(s3) => s3.write_mark(bytes).await,
        };
        match self.installation().await? {
            Some(found) => Ok(found),
            None => Err(marked.err().unwrap_or(Error::Missing)),
        }
    }
}

fn text(bytes: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes).ok().map(str::trim).filter(|text| !text.is_empty());
    match text {
        Some(text) if bytes.len() as u64 <= LONGEST => Ok(text.to_owned()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{MARK}`, which says whose bytes these are, cannot be read"),
        )
        .into()),
    }
}
