//! BatchGetImage: manifests by digest or tag, exactly as they were pushed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wharf_oci::{Digest, Reference, Tag};
use wharf_policy::{Action, Facts};
use wharf_registry::pull::{self, Stored};
use wharf_registry::{Error, Repository, tag};

use super::put_image::Image;
use super::shape::{ImageFailure, ImageIdentifier, Named};
use crate::operation::{Address, Call, Operation};

/// The most bytes of manifests in one answer: eight of the largest, thousands of usual ones.
const MOST_BYTES: usize = 32 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchGetImage {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Vec<ImageIdentifier>,
    // acceptedMediaTypes is checked against the model and otherwise without effect: the stored
    // bytes are returned, never converted, so that their digest holds.
}

#[derive(Serialize)]
pub struct Output {
    images: Vec<Image>,
    failures: Vec<ImageFailure>,
}

impl Operation for BatchGetImage {
    const NAME: &'static str = "BatchGetImage";
    const ACTION: Action = Action::BATCH_GET_IMAGE;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    fn facts(&self) -> Vec<Facts> {
        self.image_ids.iter().map(ImageIdentifier::facts).collect()
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let mut output = Output { images: Vec::new(), failures: Vec::new() };
        let mut bytes = 0;
        for (index, id) in self.image_ids.iter().enumerate() {
            // Naming an image twice does not make it two.
            if self.image_ids[..index].contains(id) {
                continue;
            }
            match find(&call, id).await? {
                Ok(image) => {
                    bytes += image.image_manifest.len();
                    output.images.push(image);
                }
                Err(failure) => output.failures.push(failure),
            }
            if bytes > MOST_BYTES {
                let reason = format!(
                    "the manifests of these images have more than {MOST_BYTES} bytes together; \
                     ask for fewer images at once"
                );
                return Err(Error::Parameter { path: "imageIds", reason });
            }
        }
        Ok(output)
    }
}

async fn find(
    call: &Call<Repository>,
    id: &ImageIdentifier,
) -> Result<Result<Image, ImageFailure>, Error> {
    let reference = match id.read() {
        Ok(Named::Digest(digest)) => Reference::Digest(digest),
        Ok(Named::Tag(tag)) => Reference::Tag(tag),
        Ok(Named::Both(digest, tag)) => match is_on(call, &digest, &tag).await? {
            Some(true) => Reference::Digest(digest),
            Some(false) => return Ok(Err(id.mismatch())),
            None => return Ok(Err(id.not_found())),
        },
        Err(failure) => return Ok(Err(failure)),
    };
    let Some(stored) = pull::manifest(call.registry(), &call.target, &reference).await? else {
        return Ok(Err(id.not_found()));
    };
    call.registry().pulled(&call.target, &stored.digest);
    image(call, id, &stored).map(Ok)
}

/// Whether the tag is on this image; None when there is no such tag.
async fn is_on(call: &Call<Repository>, digest: &Digest, tag: &Tag) -> Result<Option<bool>, Error> {
    let found = tag::resolve(call.registry(), &call.target, tag).await?;
    Ok(found.map(|found| found == *digest))
}

fn image(
    call: &Call<Repository>,
    id: &ImageIdentifier,
    stored: &Arc<Stored>,
) -> Result<Image, Error> {
    Ok(Image {
        registry_id: call.registry_id.account.to_string(),
        repository_name: call.target.name().to_string(),
        image_id: ImageIdentifier {
            image_digest: Some(stored.digest.to_string()),
            image_tag: id.image_tag.clone(),
        },
        image_manifest: String::from_utf8(stored.bytes.to_vec()).map_err(Error::fault)?,
        image_manifest_media_type: stored.media_type.clone(),
    })
}
