//! ListImages: one entry for each tag, and one for each untagged image.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::image::{self, Entry};
use wharf_registry::{Error, Repository};

use super::shape::{Filter, ImageIdentifier};
use crate::operation::{Address, Call, Operation};
use crate::paging::{self, DEFAULT_PAGE, List};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListImages {
    registry_id: Option<String>,
    repository_name: String,
    next_token: Option<String>,
    max_results: Option<i64>,
    filter: Option<Filter>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    image_ids: Vec<ImageIdentifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for ListImages {
    const NAME: &'static str = "ListImages";
    const ACTION: Action = Action::LIST_IMAGES;
    type Target = Repository;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Repository(self.registry_id.as_deref(), &self.repository_name)
    }

    async fn run(self, call: Call<Repository>) -> Result<Output, Error> {
        let (filter, arn) = (self.filter.as_ref(), call.target.arn());
        let parts = ["ListImages", arn.as_str(), Filter::name(filter)];
        let list = List { identity: &call.api.identity, parts: &parts };
        let after = read_key(&list.after(self.next_token.as_deref())?);
        if !Filter::wants_active(filter) {
            return Ok(Output { image_ids: Vec::new(), next_token: None });
        }
        let limit = self.max_results.unwrap_or(DEFAULT_PAGE);
        let (registry, status) = (call.registry(), Filter::tags(filter));
        let mut entries = image::entries(registry, &call.target, status, &after, limit + 1).await?;
        let more = paging::cut(&mut entries, limit);
        let next_token = entries.last().filter(|_| more).map(|last| list.token(&write_key(last)));
        let image_ids = entries
            .into_iter()
            .map(|entry| ImageIdentifier { image_digest: Some(entry.digest), image_tag: entry.tag })
            .collect();
        Ok(Output { image_ids, next_token })
    }
}

/// Digest and tag, joined by a blank, which neither can contain.
fn write_key(entry: &Entry) -> String {
    format!("{} {}", entry.digest, entry.tag.as_deref().unwrap_or(""))
}

fn read_key(key: &str) -> Entry {
    let (digest, tag) = key.split_once(' ').unwrap_or((key, ""));
    Entry { digest: digest.to_owned(), tag: Some(tag.to_owned()) }
}
