//! `GET /v2/_catalog`: the names of all repositories, page by page.

use http::StatusCode;
use serde_json::json;
use wharf_policy::Action;
use wharf_registry::Error;

use crate::{Call, Reply, query};

pub(crate) async fn list(call: &Call) -> Result<Reply, Error> {
    let asked = call.parts.uri.query();
    let limit = query::page(asked)?;
    let after = query::last(asked);
    call.registry.admit(&call.requester, Action::DESCRIBE_REPOSITORIES)?;
    let mut names =
        call.registry.repository_names(&call.requester, &call.id, &after, limit + 1).await?;
    let more = names.len() as i64 > limit;
    names.truncate(limit as usize);
    let next =
        names.last().filter(|_| more).map(|last| format!("/v2/_catalog?n={limit}&last={last}"));
    let body = json!({ "repositories": names }).to_string();
    let reply = Reply::new(StatusCode::OK).bytes("application/json; charset=utf-8", body.into());
    Ok(with_link(reply, next))
}

/// The address of the next page, relative to this host.
pub(crate) fn with_link(reply: Reply, next: Option<String>) -> Reply {
    match next {
        Some(next) => reply.header("link", &format!("<{next}>; rel=\"next\"")),
        None => reply,
    }
}
