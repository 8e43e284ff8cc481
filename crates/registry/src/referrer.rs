//! Referrers: images whose `subject` is another image, such as signatures and SBOMs.
//!
//! Source: OCI distribution specification 1.1, "Listing Referrers".

use std::collections::BTreeMap;

use wharf_db::statement;
use wharf_oci::Digest;

use crate::{Error, Registry, Repository};

/// A referrer as an index of referrers describes it.
#[derive(Clone, Debug)]
pub struct Referrer {
    pub digest: String,
    pub media_type: String,
    pub artifact_type: Option<String>,
    /// Of the manifest, in bytes.
    pub size: i64,
    pub annotations: Option<BTreeMap<String, String>>,
}

statement!(
    PAGE = "SELECT digest, media_type, artifact_type, manifest_size, annotations FROM images
            WHERE repository_id = $1 AND subject = $2 AND digest > $3
                AND ($4 = '[]' OR artifact_type IN (SELECT value FROM json_each($4)))
            ORDER BY digest LIMIT $5"
);

/// Up to `limit` referrers of `subject` whose digests follow `after`, of the named artifact types
/// if any is named. A subject that is not there may have referrers all the same.
pub async fn page(
    registry: &Registry,
    repository: &Repository,
    subject: &Digest,
    artifact_types: &[String],
    after: &str,
    limit: i64,
) -> Result<Vec<Referrer>, Error> {
    type Columns = (String, String, Option<String>, i64, Option<String>);
    let types = serde_json::to_string(artifact_types).expect("a list of strings is JSON");
    let values = (&**repository.id(), subject.as_str(), after, types, limit);
    let rows = registry.db.all::<Columns>(&PAGE, values).await?;
    rows.into_iter()
        .map(|(digest, media_type, artifact_type, size, annotations)| {
            let annotations = annotations
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(Error::fault)?;
            Ok(Referrer { digest, media_type, artifact_type, size, annotations })
        })
        .collect()
}
