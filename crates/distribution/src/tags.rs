//! `GET /v2/<name>/tags/list`: the tags in byte order, page by page.

use http::StatusCode;
use serde_json::json;
use wharf_oci::RepositoryName;
use wharf_policy::Action;
use wharf_registry::{Error, tag};

use crate::catalog::with_link;
use crate::{Call, Reply, query};

pub(crate) async fn list(call: &Call, name: &RepositoryName) -> Result<Reply, Error> {
    let repository = call.repository(Action::LIST_IMAGES, name).await?;
    let asked = call.parts.uri.query();
    let limit = query::page(asked)?;
    let after = query::last(asked);
    let mut tags = tag::list(&call.registry, &repository, &after, limit + 1).await?;
    let more = tags.len() as i64 > limit;
    tags.truncate(limit as usize);
    let next = tags
        .last()
        .filter(|_| more)
        .map(|last| format!("/v2/{name}/tags/list?n={limit}&last={last}"));
    let body = json!({ "name": name, "tags": tags }).to_string();
    let reply = Reply::new(StatusCode::OK).bytes("application/json; charset=utf-8", body.into());
    Ok(with_link(reply, next))
}
