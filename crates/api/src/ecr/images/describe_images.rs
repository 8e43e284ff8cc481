//! DescribeImages: size, times, types and tags of images, one entry a digest.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::image;
use wharf_registry::{Error, Repository, tag};

use super::shape::{Filter, ImageDetail, ImageIdentifier, Named};
use crate::operation::{Address, Call, Operation};
use crate::paging::{self, DEFAULT_PAGE, List};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImages {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Option<Vec<ImageIdentifier>>,
    next_token: Option<String>,
    max_results: Option<i64>,
    filter: Option<Filter>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    image_details: Vec<ImageDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for DescribeImages {
    const NAME: &'static str = "DescribeImages";
    const ACTION: Action = Action::DESCRIBE_IMAGES;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let is_paged = self.max_results.is_some() || self.next_token.is_some();
        paging::refuse_both(is_paged, "imageIds", self.image_ids.is_some())?;
        match &self.image_ids {
            Some(ids) => named(&call, ids).await,
            None => self.page(&call).await,
        }
    }
}

impl DescribeImages {
    async fn page(&self, call: &Call<Repository>) -> Result<Output, Error> {
        let (filter, arn) = (self.filter.as_ref(), call.target.arn());
        let parts = ["DescribeImages", arn.as_str(), Filter::name(filter)];
        let list = List { identity: &call.api.identity, parts: &parts };
        let after = list.after(self.next_token.as_deref())?;
        if !Filter::wants_active(filter) {
            return Ok(Output { image_details: Vec::new(), next_token: None });
        }
        let limit = self.max_results.unwrap_or(DEFAULT_PAGE);
        let (registry, status) = (call.registry(), Filter::tags(filter));
        let mut images = image::page(registry, &call.target, status, &after, limit + 1).await?;
        let more = paging::cut(&mut images, limit);
        let next_token = images.last().filter(|_| more).map(|last| list.token(&last.digest));
        let detail = |image| ImageDetail::of(image, &call.target);
        Ok(Output { image_details: images.into_iter().map(detail).collect(), next_token })
    }
}

/// One that is not there fails the whole call. Two names of one image give one entry.
async fn named(call: &Call<Repository>, ids: &[ImageIdentifier]) -> Result<Output, Error> {
    let mut seen = Vec::new();
    let mut image_details = Vec::new();
    for id in ids {
        let not_found = || id.not_found_in(&call.target);
        let digest = resolve(call, id).await?.ok_or_else(not_found)?;
        if seen.contains(&digest) {
            continue;
        }
        let image = image::find(call.registry(), &call.target, &digest).await?;
        image_details.push(ImageDetail::of(image.ok_or_else(not_found)?, &call.target));
        seen.push(digest);
    }
    Ok(Output { image_details, next_token: None })
}

async fn resolve(call: &Call<Repository>, id: &ImageIdentifier) -> Result<Option<String>, Error> {
    let (expected, tag) = match id.read() {
        Ok(Named::Digest(digest)) => return Ok(Some(digest.to_string())),
        Ok(Named::Tag(tag)) => (None, tag),
        Ok(Named::Both(digest, tag)) => (Some(digest), tag),
        Err(failure) if failure.failure_code == "MissingDigestAndTag" => {
            let reason = failure.failure_reason;
            return Err(Error::Parameter { path: "imageIds", reason });
        }
        Err(_) => return Ok(None),
    };
    let found = tag::resolve(call.registry(), &call.target, &tag).await?;
    let right = |digest: &wharf_oci::Digest| expected.as_ref().is_none_or(|asked| asked == digest);
    Ok(found.filter(right).map(|digest| digest.to_string()))
}
