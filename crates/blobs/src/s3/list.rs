//! Listings for the sweep. What may be deleted is decided by the registry from its rows and ages, never here.

use std::{collections::VecDeque, io, str::FromStr, sync::Arc, time::SystemTime};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, future, stream};
use http::{HeaderMap, Method};
use object_store::{ObjectMeta, ObjectStore as _};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    S3,
    bucket::{Answer, Bucket},
    fault,
};
use crate::{Error, Listed, Object, installation::MARK, progress::Multipart};

/// One page of <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
    #[serde(default, rename = "Upload")]
    uploads: Vec<Found>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    key: String,
    upload_id: String,
    initiated: Option<String>,
}

/// Where the next page begins.
#[derive(Default)]
struct Marker {
    key: String,
    upload: String,
}

impl S3 {
    pub(crate) fn list_objects(
        self: &Arc<S3>,
    ) -> impl Stream<Item = io::Result<Listed<Object>>> + Send + 'static {
        let s3 = Arc::clone(self);
        let whole = (self.prefix.parts().count() > 0).then_some(&self.prefix);
        self.store
            .list(whole)
            .map_err(|error| fault::as_io(fault::judged(error)))
            .try_filter_map(move |found| future::ready(Ok(s3.listed(found))))
    }

    fn listed(&self, found: ObjectMeta) -> Option<Listed<Object>> {
        let name = self.below(found.location.as_ref())?;
        match Object::from_str(name) {
            Ok(name) => {
                let modified = SystemTime::from(found.last_modified);
                Some(Listed { name, size: found.size, modified })
            }
            // What another replica tries out at this moment, what a check has put aside, and whose all of it is.
            Err(_) if name.starts_with("probe/") || name.starts_with("quarantine/") => None,
            Err(_) if name == MARK => None,
            Err(_) => {
                tracing::warn!(name, "a stranger in the blob store");
                None
            }
        }
    }

    /// The part of a key behind the prefix.
    fn below<'a>(&self, key: &'a str) -> Option<&'a str> {
        match self.prefix.as_ref() {
            "" => Some(key),
            prefix => key.strip_prefix(prefix)?.strip_prefix('/'),
        }
    }

    pub(crate) fn list_uploads(
        self: &Arc<S3>,
    ) -> impl Stream<Item = io::Result<Listed<Uuid>>> + Send + 'static {
        self.multiparts(String::new())
            .map_ok(|(multipart, modified)| {
                let name = multipart.object.session();
                Listed { name, size: 0, modified }
            })
            .map_err(fault::as_io)
    }

    /// The multipart uploads of one session.
    pub(super) async fn multiparts_of(
        self: &Arc<S3>,
        session: Uuid,
    ) -> Result<Vec<Multipart>, Error> {
        let found = self.multiparts(Object::of_session(session));
        found.map_ok(|(multipart, _)| multipart).try_collect().await
    }

    /// The multipart uploads whose objects have names that begin like this, a page at a time.
    fn multiparts(
        self: &Arc<S3>,
        beginning: String,
    ) -> impl Stream<Item = Result<(Multipart, SystemTime), Error>> + Send + 'static {
        let s3 = Arc::clone(self);
        let prefix = match s3.prefix.as_ref() {
            "" => beginning,
            prefix => format!("{prefix}/{beginning}"),
        };
        let begin = (VecDeque::new(), Some(Marker::default()));
        stream::try_unfold(begin, move |(mut found, mut next)| {
            let (s3, prefix) = (Arc::clone(&s3), prefix.clone());
            async move {
                loop {
                    if let Some(one) = found.pop_front() {
                        return Ok(Some((one, (found, next))));
                    }
                    let Some(marker) = next else { return Ok(None) };
                    let page = s3.bucket.multiparts_page(&prefix, &marker).await?;
                    next = following(&page, &marker);
                    found = page.uploads.into_iter().filter_map(|one| s3.named(one)).collect();
                }
            }
        })
        .boxed()
    }

    fn named(&self, found: Found) -> Option<(Multipart, SystemTime)> {
        let object = Object::from_str(self.below(&found.key)?).ok()?;
        let begun =
            found.initiated.as_deref().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        // Without a time it counts as young, and is spared.
        let begun = begun.map_or_else(SystemTime::now, SystemTime::from);
        Some((Multipart { object, id: found.upload_id, parts: Vec::new() }, begun))
    }
}

/// Where to go on, if there is more. A store that names the same place again would have us ask for ever.
fn following(page: &Page, marker: &Marker) -> Option<Marker> {
    let next = Marker {
        key: page.next_key_marker.clone().unwrap_or_default(),
        upload: page.next_upload_id_marker.clone().unwrap_or_default(),
    };
    let moves = (&next.key, &next.upload) != (&marker.key, &marker.upload);
    (page.is_truncated && moves).then_some(next)
}

impl Bucket {
    async fn multiparts_page(&self, prefix: &str, marker: &Marker) -> Result<Page, Error> {
        let mut query = vec![("uploads", ""), ("prefix", prefix)];
        if !marker.key.is_empty() {
            query.push(("key-marker", &marker.key));
            query.push(("upload-id-marker", &marker.upload));
        }
        let sent = self.send(Method::GET, "", &query, HeaderMap::new(), Default::default());
        let answer = sent.await?;
        if !answer.status.is_success() {
            return Err(refusal(&answer));
        }
        let text = std::str::from_utf8(&answer.body).map_err(io::Error::other)?;
        Ok(quick_xml::de::from_str(text).map_err(io::Error::other)?)
    }
}

fn refusal(answer: &Answer) -> Error {
    let (status, code) = (answer.status, answer.code().unwrap_or("no code"));
    let said = format!("listing multipart uploads: status {}, {code}", status.as_u16());
    let source = Box::new(io::Error::other(said));
    if status.is_server_error() && status != http::StatusCode::NOT_IMPLEMENTED {
        Error::Unavailable(source)
    } else {
        Error::Refused(source)
    }
}
