//! Reading an object as a stream that survives broken connections: the rest is asked for again.

use std::{fmt, io, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream, stream::BoxStream};
use object_store::{GetOptions, GetRange, ObjectStore as _};

use super::{S3, fault};
use crate::{Content, Error, Object};

/// How often in a row a GET may bring nothing.
const FRUITLESS: u32 = 4;
/// Before the rest is asked for again; doubled each time.
const PAUSE: Duration = Duration::from_millis(100);

/// An object that may be read.
#[derive(Clone)]
pub(crate) struct Remote {
    s3: Arc<S3>,
    object: Object,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.object).finish()
    }
}

impl S3 {
    pub(crate) fn content(self: &Arc<S3>, object: &Object, size: u64) -> Content {
        Content::of_remote(Remote { s3: Arc::clone(self), object: object.clone() }, size)
    }
}

impl Remote {
    /// The bytes of `range` of the object, which has `size` bytes.
    pub(crate) fn read(
        &self,
        range: Range<u64>,
        size: u64,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let reading = Reading {
            remote: self.clone(),
            rest: range,
            size,
            answer: None,
            fruitless: 0,
            is_checked: false,
        };
        stream::unfold(Some(reading), |reading| async { reading?.next().await })
    }
}

struct Reading {
    remote: Remote,
    rest: Range<u64>,
    size: u64,
    answer: Option<Answer>,
    fruitless: u32,
    /// Whether the object was seen to be there.
    is_checked: bool,
}

type Answer = BoxStream<'static, object_store::Result<Bytes>>;
type Step = Option<(io::Result<Bytes>, Option<Reading>)>;

impl Reading {
    async fn next(mut self) -> Step {
        loop {
            if self.rest.is_empty() {
                return self.end().await;
            }
            match self.piece().await {
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => {
                    self.rest.start += piece.len() as u64;
                    self.fruitless = 0;
                    return Some((Ok(piece), Some(self)));
                }
                Err(error @ (Error::Missing | Error::Refused(_) | Error::WrongSize { .. })) => {
                    return Some((Err(fault::as_io(error)), None));
                }
                Err(error) => {
                    self.answer = None;
                    self.fruitless += 1;
                    if self.fruitless == FRUITLESS {
                        return Some((Err(fault::as_io(error)), None));
                    }
                    tracing::warn!(object = %self.remote.object, at = self.rest.start, %error, "reading on after a break");
                    tokio::time::sleep(PAUSE * 2_u32.pow(self.fruitless - 1)).await;
                }
            }
        }
    }

    /// Nothing is left to read. Of an empty object nothing was, and it may be missing all the same.
    async fn end(mut self) -> Step {
        if self.size > 0 || self.is_checked {
            return None;
        }
        self.is_checked = true;
        match self.remote.s3.head(&self.remote.object).await {
            Ok(_) => None,
            Err(error) => Some((Err(fault::as_io(error)), None)),
        }
    }

    async fn piece(&mut self) -> Result<Bytes, Error> {
        let mut answer = match self.answer.take() {
            Some(answer) => answer,
            None => {
                let Remote { s3, object } = self.remote.clone();
                s3.get(&object, self.rest.clone(), self.size).await?
            }
        };
        let piece = answer.next().await;
        self.answer = Some(answer);
        match piece {
            Some(piece) => piece.map_err(fault::judged),
            None => Err(Error::Io(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}

impl S3 {
    async fn get(&self, object: &Object, range: Range<u64>, size: u64) -> Result<Answer, Error> {
        let range = Some(GetRange::Bounded(range));
        let options = GetOptions { range, ..GetOptions::default() };
        let found = self.store.get_opts(&self.key(object), options).await.map_err(fault::judged)?;
        if found.meta.size != size {
            return Err(Error::WrongSize { expected: size, held: found.meta.size });
        }
        Ok(found.into_stream())
    }
}
