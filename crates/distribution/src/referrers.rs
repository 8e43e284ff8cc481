//! `GET /v2/<name>/referrers/<digest>`: an index of the images whose subject this is.

use http::StatusCode;
use serde_json::{Value, json};
use wharf_oci::{Digest, RepositoryName, media_type};
use wharf_policy::Action;
use wharf_registry::referrer::{self, Referrer};
use wharf_registry::{Error, Repository, image};

use crate::catalog::with_link;
use crate::{Call, Reply, query};

/// Entries of one page.
const PAGE: usize = 1000;
/// Rows fetched at once.
const ROWS: i64 = 32;
/// A page ends early when its entries have this many bytes: the index must be one that clients
/// read, and they read 4 MiB.
const PAGE_BYTES: usize = 3 * 1024 * 1024;

pub(crate) async fn list(call: &Call, name: &RepositoryName, digest: &str) -> Result<Reply, Error> {
    let facts = [image::facts(None, Some(digest))];
    let repository = call.repository_with(Action::BATCH_GET_IMAGE, name, &facts).await?;
    let subject: Digest = digest
        .parse()
        .map_err(|error: wharf_oci::InvalidDigest| Error::DigestInvalid(error.to_string()))?;
    let asked = call.parts.uri.query();
    // An empty type is none.
    let artifact_type = query::value(asked, "artifactType");
    let filter: Vec<String> =
        artifact_type.clone().filter(|one| !one.is_empty()).into_iter().collect();
    let after = query::last(asked);
    let (manifests, last) = collect(call, &repository, &subject, &filter, after).await?;
    let next = last.map(|last| {
        let filter = artifact_type.as_deref().map(encode);
        let filter = filter.map(|filter| format!("&artifactType={filter}")).unwrap_or_default();
        format!("/v2/{name}/referrers/{subject}?last={last}{filter}")
    });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": manifests,
    });
    let mut reply =
        Reply::new(StatusCode::OK).bytes(media_type::OCI_INDEX, index.to_string().into());
    if artifact_type.is_some() {
        reply = reply.header("oci-filters-applied", "artifactType");
    }
    Ok(with_link(reply, next))
}

/// The entries of this page, and the last of them if there are more. Annotations can be large, so
/// the rows are fetched few at a time.
async fn collect(
    call: &Call,
    repository: &Repository,
    subject: &Digest,
    types: &[String],
    mut after: String,
) -> Result<(Vec<Value>, Option<String>), Error> {
    let (mut bytes, mut entries) = (0, Vec::new());
    loop {
        let rows = referrer::page(&call.registry, repository, subject, types, &after, ROWS).await?;
        let is_last = (rows.len() as i64) < ROWS;
        for referrer in rows {
            let entry = descriptor(&referrer);
            bytes += entry.to_string().len();
            if entries.len() == PAGE || (bytes > PAGE_BYTES && !entries.is_empty()) {
                return Ok((entries, Some(after)));
            }
            after = referrer.digest;
            entries.push(entry);
        }
        if is_last {
            return Ok((entries, None));
        }
    }
}

fn descriptor(referrer: &Referrer) -> Value {
    let mut descriptor = json!({
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    });
    if let Some(artifact_type) = &referrer.artifact_type {
        descriptor["artifactType"] = json!(artifact_type);
    }
    if let Some(annotations) = &referrer.annotations {
        descriptor["annotations"] = json!(annotations);
    }
    descriptor
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
