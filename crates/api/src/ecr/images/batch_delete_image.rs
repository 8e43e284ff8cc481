//! BatchDeleteImage: removes tags, and images with all their tags.

use serde::{Deserialize, Serialize};
use wharf_policy::{Action, Facts};
use wharf_registry::image::{self, Kept, Which};
use wharf_registry::{Error, Repository};

use super::shape::{ImageFailure, ImageIdentifier, Named};
use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchDeleteImage {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Vec<ImageIdentifier>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    image_ids: Vec<ImageIdentifier>,
    failures: Vec<ImageFailure>,
}

impl Operation for BatchDeleteImage {
    const NAME: &'static str = "BatchDeleteImage";
    const ACTION: Action = Action::BATCH_DELETE_IMAGE;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    fn facts(&self) -> Vec<Facts> {
        self.image_ids.iter().map(ImageIdentifier::facts).collect()
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let mut output = Output { image_ids: Vec::new(), failures: Vec::new() };
        let (mut asked, mut which) = (Vec::new(), Vec::new());
        for id in &self.image_ids {
            match id.read() {
                Ok(named) => {
                    asked.push(id);
                    which.push(to_delete(named));
                }
                Err(failure) => output.failures.push(failure),
            }
        }
        for one in &which {
            if let Which::Digest(digest) = one {
                let (requester, repository) = (&call.requester, &call.target);
                call.registry().authorise_deletion(requester, repository, digest).await?;
            }
        }
        let outcomes = image::delete(call.registry(), &call.target, &which).await?;
        for (id, outcome) in asked.into_iter().zip(outcomes) {
            match outcome {
                Ok(gone) => output.image_ids.extend(gone.into_iter().map(|entry| {
                    ImageIdentifier { image_digest: Some(entry.digest), image_tag: entry.tag }
                })),
                Err(kept) => output.failures.push(failure(id, kept)),
            }
        }
        Ok(output)
    }
}

fn to_delete(named: Named) -> Which {
    match named {
        Named::Digest(digest) => Which::Digest(digest),
        Named::Tag(tag) => Which::Tag(tag),
        Named::Both(digest, tag) => Which::Both(digest, tag),
    }
}

fn failure(id: &ImageIdentifier, kept: Kept) -> ImageFailure {
    match kept {
        Kept::NotFound => id.not_found(),
        Kept::TagIsOnAnotherImage => id.mismatch(),
        Kept::Referenced(parents) => {
            let reason = Error::ImageReferenced { parents }.to_string();
            id.failure("ImageReferencedByManifestList", reason)
        }
    }
}
