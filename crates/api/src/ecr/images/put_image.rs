//! PutImage: stores a manifest whose layers are there, and tags it.

use serde::{Deserialize, Serialize};
use wharf_oci::{Digest, Tag};
use wharf_policy::{Action, Facts};
use wharf_registry::push::{self, Push};
use wharf_registry::{Error, Repository, image};

use super::shape::ImageIdentifier;
use crate::operation::{Address, Call, Operation};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImage {
    registry_id: Option<String>,
    repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

#[derive(Serialize)]
pub struct Output {
    image: Image,
}

/// An image with its manifest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    pub registry_id: String,
    pub repository_name: String,
    pub image_id: ImageIdentifier,
    pub image_manifest: String,
    pub image_manifest_media_type: String,
}

impl Operation for PutImage {
    const NAME: &'static str = "PutImage";
    const ACTION: Action = Action::PUT_IMAGE;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    fn facts(&self) -> Vec<Facts> {
        vec![image::facts(self.image_tag.as_deref(), self.image_digest.as_deref())]
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let repository = &call.target;
        let (name, account) = (repository.name().clone(), repository.registry().account.clone());
        let tag = self.image_tag.as_deref().map(read_tag).transpose()?;
        let digest = match &self.image_digest {
            // A digest that cannot be is as wrong as one that is not right.
            Some(text) => Some(text.parse::<Digest>().map_err(|_| {
                let (name, account) = (name.clone(), account.clone());
                Error::ImageDigestDoesNotMatch { digest: text.clone(), name, account }
            })?),
            None => None,
        };
        if self.image_manifest_media_type.is_none() {
            expect_typed(&self.image_manifest)?;
        }
        let bytes = bytes::Bytes::from(self.image_manifest);
        let push = Push {
            bytes: bytes.clone(),
            media_type: self.image_manifest_media_type.as_deref(),
            digest: digest.as_ref(),
            tags: tag.as_slice(),
        };
        let pushed = push::manifest(call.registry(), repository, push).await.map_err(worded)?;
        let image_tag = tag.as_ref().map(ToString::to_string);
        if !pushed.changed {
            let digest = pushed.digest;
            return Err(Error::ImageAlreadyExists { digest, tag: image_tag, name, account });
        }
        let image_manifest = String::from_utf8(bytes.into()).map_err(Error::fault)?;
        let image_id = ImageIdentifier { image_digest: Some(pushed.digest.to_string()), image_tag };
        Ok(Output {
            image: Image {
                registry_id: account.to_string(),
                repository_name: name.to_string(),
                image_id,
                image_manifest,
                image_manifest_media_type: pushed.media_type,
            },
        })
    }
}

/// ECR guesses at no type: one that neither the caller nor the manifest names is refused, in these
/// words. Under `/v2/` the type of an OCI manifest may be left out.
fn expect_typed(manifest: &str) -> Result<(), Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Typed {
        media_type: Option<serde::de::IgnoredAny>,
    }
    match serde_json::from_str(manifest) {
        Ok(Typed { media_type: None }) => Err(Error::Parameter {
            path: "ImageManifest",
            reason: "Invalid JSON syntax".to_owned(),
        }),
        // What is no manifest at all is told below.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn read_tag(text: &str) -> Result<Tag, Error> {
    text.parse().map_err(|_| Error::Parameter {
        path: "imageTag",
        reason: "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'".to_owned(),
    })
}

/// ECR's sentence for a manifest that is refused; it has one for broken JSON of its own.
fn worded(error: Error) -> Error {
    match error {
        Error::InvalidManifest(reason) => Error::Parameter {
            path: "ImageManifest",
            reason: match reason.is_syntax() {
                true => "Invalid JSON syntax".to_owned(),
                false => reason.to_string(),
            },
        },
        other => other,
    }
}
