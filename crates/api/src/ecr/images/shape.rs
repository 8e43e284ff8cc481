//! How images are named and described in inputs and outputs.

use serde::{Deserialize, Serialize};
use wharf_oci::{Digest, Tag};
use wharf_policy::Facts;
use wharf_registry::image::{self, Image, TagStatus};
use wharf_registry::{Error, Repository};

/// An image by digest, by tag, or by both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIdentifier {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
}

/// An [`ImageIdentifier`] that has been read.
pub enum Named {
    Digest(Digest),
    Tag(Tag),
    Both(Digest, Tag),
}

/// Why one image of several was not dealt with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFailure {
    pub image_id: ImageIdentifier,
    pub failure_code: &'static str,
    pub failure_reason: String,
}

/// Which images a list is to hold, by whether they have tags.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    tag_status: Option<String>,
    image_status: Option<String>,
}

/// An image as DescribeImages prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageDetail {
    registry_id: String,
    repository_name: String,
    image_digest: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tags: Vec<String>,
    image_size_in_bytes: i64,
    image_pushed_at: f64,
    image_manifest_media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_recorded_pull_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_manifest_digest: Option<String>,
    image_status: &'static str,
}

impl ImageIdentifier {
    /// What conditions can ask of it.
    pub fn facts(&self) -> Facts {
        image::facts(self.image_tag.as_deref(), self.image_digest.as_deref())
    }

    /// Reads it, or tells what is wrong with it.
    pub fn read(&self) -> Result<Named, ImageFailure> {
        let digest = self.image_digest.as_deref().map(|digest| {
            let text = "Invalid request parameters: image digest should satisfy the regex \
                        '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'";
            digest.parse::<Digest>().map_err(|_| self.failure("InvalidImageDigest", text))
        });
        let tag = self.image_tag.as_deref().map(|tag| {
            let text = "Invalid request parameters: image tag should satisfy the regex \
                        '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'";
            tag.parse::<Tag>().map_err(|_| self.failure("InvalidImageTag", text))
        });
        match (digest.transpose()?, tag.transpose()?) {
            (Some(digest), Some(tag)) => Ok(Named::Both(digest, tag)),
            (Some(digest), None) => Ok(Named::Digest(digest)),
            (None, Some(tag)) => Ok(Named::Tag(tag)),
            (None, None) => {
                let text = "Invalid request parameters: both tag and digest cannot be null";
                Err(self.failure("MissingDigestAndTag", text))
            }
        }
    }

    pub fn failure(&self, code: &'static str, reason: impl Into<String>) -> ImageFailure {
        ImageFailure { image_id: self.clone(), failure_code: code, failure_reason: reason.into() }
    }

    pub fn not_found(&self) -> ImageFailure {
        self.failure("ImageNotFound", "Requested image not found")
    }

    pub fn mismatch(&self) -> ImageFailure {
        let text = "Requested image tag does not point to the requested image digest";
        self.failure("ImageTagDoesNotMatchDigest", text)
    }

    /// The exception of the calls that fail as a whole when one image is not there.
    pub fn not_found_in(&self, repository: &Repository) -> Error {
        Error::ImageNotFound {
            digest: self.image_digest.clone(),
            tag: self.image_tag.clone(),
            name: repository.name().clone(),
            account: repository.registry().account.clone(),
        }
    }
}

impl Filter {
    pub fn tags(filter: Option<&Filter>) -> TagStatus {
        match filter.and_then(|filter| filter.tag_status.as_deref()) {
            Some("TAGGED") => TagStatus::Tagged,
            Some("UNTAGGED") => TagStatus::Untagged,
            _ => TagStatus::Any,
        }
    }

    /// Whether images in use are asked for; without a filter they are. None are archived.
    pub fn wants_active(filter: Option<&Filter>) -> bool {
        let status = filter.and_then(|filter| filter.image_status.as_deref());
        matches!(status, None | Some("ACTIVE" | "ANY"))
    }

    /// What tells one filter from another in a page token.
    pub fn name(filter: Option<&Filter>) -> &'static str {
        match (Filter::tags(filter), Filter::wants_active(filter)) {
            (TagStatus::Any, true) => "any",
            (TagStatus::Tagged, true) => "tagged",
            (TagStatus::Untagged, true) => "untagged",
            (_, false) => "none",
        }
    }
}

impl ImageDetail {
    pub fn of(image: Image, repository: &Repository) -> ImageDetail {
        ImageDetail {
            registry_id: repository.registry().account.to_string(),
            repository_name: repository.name().to_string(),
            image_digest: image.digest,
            image_tags: image.tags,
            image_size_in_bytes: image.size,
            image_pushed_at: crate::ecr::seconds(image.pushed_at),
            image_manifest_media_type: image.media_type,
            artifact_media_type: image.artifact_media_type,
            last_recorded_pull_time: image.pulled_at.map(crate::ecr::seconds),
            subject_manifest_digest: image.subject,
            image_status: "ACTIVE",
        }
    }
}
