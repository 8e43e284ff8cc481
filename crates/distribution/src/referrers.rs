//! `GET /v2/<name>/referrers/<digest>`: an index of the images whose subject this is.

use http::StatusCode;
use serde_json::{Value, json};
use wharf_oci::{Digest, RepositoryName, media_type};
use wharf_policy::Action;
use wharf_registry::Error;
use wharf_registry::referrer::{self, Referrer};

use crate::catalog::with_link;
use crate::{Call, Reply, query};

/// Entries of one page.
const PAGE: i64 = 1000;
/// A page ends early when its entries have this many bytes: the index must be one that clients
/// read, and they read 4 MiB.
const PAGE_BYTES: usize = 3 * 1024 * 1024;

pub(crate) async fn list(call: &Call, name: &RepositoryName, digest: &str) -> Result<Reply, Error> {
    let repository = call.repository(Action::BATCH_GET_IMAGE, name).await?;
    let subject: Digest = digest
        .parse()
        .map_err(|error: wharf_oci::InvalidDigest| Error::DigestInvalid(error.to_string()))?;
    let asked = call.parts.uri.query();
    let artifact_type = query::value(asked, "artifactType");
    let after = query::value(asked, "last").unwrap_or_default();
    let filter = artifact_type.as_deref();
    let found =
        referrer::page(&call.registry, &repository, &subject, filter, &after, PAGE + 1).await?;
    let (manifests, last) = cut(found);
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

/// The entries of this page, and the last of them if there are more.
fn cut(found: Vec<Referrer>) -> (Vec<Value>, Option<String>) {
    let total = found.len();
    let (mut bytes, mut entries, mut last) = (0, Vec::new(), String::new());
    for referrer in found.into_iter().take(PAGE as usize) {
        let entry = descriptor(&referrer);
        bytes += entry.to_string().len();
        if bytes > PAGE_BYTES && !entries.is_empty() {
            break;
        }
        last = referrer.digest;
        entries.push(entry);
    }
    let more = entries.len() < total;
    (entries, more.then_some(last))
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
