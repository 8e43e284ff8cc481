//! ListImageReferrers: the images whose subject this is, such as signatures and SBOMs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wharf_oci::Digest;
use wharf_policy::{Action, Facts};
use wharf_registry::referrer::{self, Referrer};
use wharf_registry::{Error, Repository, image};

use crate::operation::{Address, Call, Operation};
use crate::paging::{self, List};

/// The page size where the caller names none. No more than 50 can be asked for.
const DEFAULT_PAGE: i64 = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListImageReferrers {
    registry_id: Option<String>,
    repository_name: String,
    subject_id: SubjectIdentifier,
    filter: Option<Filter>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubjectIdentifier {
    image_digest: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[serde(default)]
    artifact_types: Option<Vec<String>>,
    artifact_status: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    referrers: Vec<ReferrerShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReferrerShape {
    digest: String,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
    artifact_status: &'static str,
}

impl Operation for ListImageReferrers {
    const NAME: &'static str = "ListImageReferrers";
    // The right to read images is the right to see what refers to them.
    const ACTION: Action = Action::BATCH_GET_IMAGE;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    fn facts(&self) -> Vec<Facts> {
        vec![image::facts(None, Some(&self.subject_id.image_digest))]
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let subject = read_subject(&self.subject_id.image_digest)?;
        let filter = self.filter.unwrap_or_default();
        let types = filter.types();
        let arn = call.target.arn();
        let types_text = types.join(" ");
        let parts = ["ListImageReferrers", &arn, subject.as_str(), &types_text];
        let list = List { identity: &call.api.identity, parts: &parts };
        let after = list.after(self.next_token.as_deref())?;
        if !filter.wants_active() {
            return Ok(Output { referrers: Vec::new(), next_token: None });
        }
        let limit = self.max_results.unwrap_or(DEFAULT_PAGE);
        let (registry, repository) = (call.registry(), &call.target);
        let mut found =
            referrer::page(registry, repository, &subject, &types, &after, limit + 1).await?;
        let more = paging::cut(&mut found, limit);
        let next_token = found.last().filter(|_| more).map(|last| list.token(&last.digest));
        Ok(Output { referrers: found.into_iter().map(ReferrerShape::of).collect(), next_token })
    }
}

impl Filter {
    /// No type has a NUL, which PostgreSQL does not take.
    fn types(&self) -> Vec<String> {
        let named = self.artifact_types.iter().flatten();
        named.map(|one| one.replace('\0', "\u{fffd}")).collect()
    }

    /// Whether artifacts in use are asked for; without a filter they are. None are archived.
    fn wants_active(&self) -> bool {
        matches!(self.artifact_status.as_deref(), None | Some("ACTIVE" | "ANY"))
    }
}

impl ReferrerShape {
    fn of(referrer: Referrer) -> ReferrerShape {
        let Referrer { digest, media_type, artifact_type, size, annotations } = referrer;
        let artifact_status = "ACTIVE";
        ReferrerShape { digest, media_type, artifact_type, size, annotations, artifact_status }
    }
}

fn read_subject(digest: &str) -> Result<Digest, Error> {
    digest.parse().map_err(|_| Error::Parameter {
        path: "subjectId.imageDigest",
        reason: "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'".to_owned(),
    })
}
