//! The tags of a user, role, policy or provider, page by page.

use serde::Serialize;
use wharf_identity::Tag;

use crate::query::{Call, Error, Paged};

/// A page of tags.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tags {
    tags: Vec<Tag>,
    #[serde(flatten)]
    paged: Paged,
}

/// A page of the tags of what the call is about.
pub(super) async fn list(
    call: &Call,
    parts: &[&str],
    marker: Option<&str>,
    most: Option<i64>,
) -> Result<Tags, Error> {
    page(call, &call.entity()?.id, parts, marker, most).await
}

/// A page of the tags of the entity with this id.
pub(super) async fn page(
    call: &Call,
    id: &str,
    parts: &[&str],
    marker: Option<&str>,
    most: Option<i64>,
) -> Result<Tags, Error> {
    let (tags, paged) = call.slice(parts, marker, most, all(call, id).await?)?;
    Ok(Tags { tags, paged })
}

/// All tags of an entity; there are fifty at most.
pub(super) async fn all(call: &Call, id: &str) -> Result<Vec<Tag>, Error> {
    Ok(call.identity().tags(id, "", wharf_identity::limit::TAGS).await?)
}
