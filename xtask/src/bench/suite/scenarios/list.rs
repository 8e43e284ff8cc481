//! Reading pages of long lists, from everywhere in the list.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use hyper::header::LINK;
use serde_json::Value;
use tokio::task::JoinSet;

use super::{REPOSITORY, Seed};
use crate::bench::suite::image::Image;
use crate::bench::suite::options::Sizes;
use crate::bench::suite::target::{Kind, Target};
use crate::bench::suite::targets::distribution;

/// Clients that fill a list.
const FILLERS: usize = 8;
/// Tags of one image at most: ECR's quota is 1,000.
const TAGS_PER_IMAGE: usize = 500;

/// The list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// A page of 1,000 out of 10,000 tags; of distribution 2.8, all of them, since it has no pages.
    Tags,
    /// A page of 100 out of 10,000 repositories.
    Catalog,
}

impl List {
    pub async fn seed(self, target: &Target, sizes: Sizes) -> anyhow::Result<Seed> {
        let names = sizes.names;
        match (self, target.kind) {
            (Self::Tags, Kind::Distribution | Kind::Distribution3) => {
                copy_tags(target, names).await?
            }
            (Self::Tags, _) => push_tags(target, names).await?,
            (Self::Catalog, Kind::Distribution | Kind::Distribution3) => {
                copy_repositories(target, names).await?
            }
            (Self::Catalog, _) => create_repositories(target, names).await?,
        }
        self.verify(target, names).await?;
        Ok(Seed { images: Vec::new(), names })
    }

    pub async fn work(
        self,
        target: &Target,
        seed: &Seed,
        client: usize,
        until: Instant,
    ) -> anyhow::Result<u64> {
        let mut connection = target.client().await?;
        let mut done = 0;
        loop {
            let after = spread(done as usize + client * 1_000_003, seed.names);
            let answer = connection.get(&self.page(&self.name(after))).await?;
            ensure!(!answer.body.is_empty(), "an empty page");
            done += 1;
            if Instant::now() >= until {
                return Ok(done);
            }
        }
    }

    fn name(self, index: usize) -> String {
        match self {
            Self::Tags => tag(index),
            Self::Catalog => repository(index),
        }
    }

    /// The page behind a name.
    fn page(self, last: &str) -> String {
        match self {
            Self::Tags => format!("/v2/{REPOSITORY}/tags/list?n=1000&last={last}"),
            Self::Catalog => format!("/v2/_catalog?n=100&last={last}"),
        }
    }

    /// Whether a page in the middle holds what it must, in order, and the page after it is linked.
    async fn verify(self, target: &Target, names: usize) -> anyhow::Result<()> {
        let (member, length) = match self {
            Self::Tags => ("tags", 1_000),
            Self::Catalog => ("repositories", 100),
        };
        // distribution 2.8 does not page tags: whatever is asked, it answers with all of them.
        let paged = (self, target.kind) != (Self::Tags, Kind::Distribution);
        let (first, length) = if paged { (names / 3 + 1, length) } else { (0, names) };
        let answer = target.client().await?.get(&self.page(&self.name(names / 3))).await?;
        let page: Value = serde_json::from_slice(&answer.body)?;
        let mut listed: Vec<_> =
            page[member].as_array().context("no list")?.iter().filter_map(Value::as_str).collect();
        if !paged {
            listed.sort_unstable();
        }
        let expected: Vec<_> = (first..names).take(length).map(|index| self.name(index)).collect();
        ensure!(listed == expected, "{} lists {} wrong names", target.kind, listed.len());
        let more = first + length < names;
        ensure!(!more || answer.headers.contains_key(LINK), "{} links no next page", target.kind);
        Ok(())
    }
}

/// Turns of the golden ratio: wherever a sample ends, its pages were spread over the whole list.
fn spread(turn: usize, names: usize) -> usize {
    (turn as f64 * 0.618_033_988_749_895).fract().mul_add(names as f64, 0.0) as usize
}

fn tag(index: usize) -> String {
    format!("t{index:05}")
}

fn repository(index: usize) -> String {
    format!("many/r{index:05}")
}

async fn push_tags(target: &Target, names: usize) -> anyhow::Result<()> {
    let mut images = Vec::new();
    for index in 0..names.div_ceil(TAGS_PER_IMAGE) {
        let image = Image::fresh(1, 1024);
        target.publish(REPOSITORY, &tag(index * TAGS_PER_IMAGE), &image).await?;
        images.push(image);
    }
    let mut fillers = JoinSet::new();
    for filler in 0..FILLERS {
        let (mut client, images) = (target.client().await?, images.clone());
        fillers.spawn(async move {
            for index in (filler..names).step_by(FILLERS) {
                let manifest = &images[index / TAGS_PER_IMAGE].manifest;
                client.push_manifest(REPOSITORY, &tag(index), manifest).await?;
            }
            anyhow::Ok(())
        });
    }
    fillers.join_all().await.into_iter().collect()
}

/// Makes so many repositories, several at a time.
///
/// # Errors
/// Fails if the server refuses one.
pub async fn create_repositories(target: &Target, names: usize) -> anyhow::Result<()> {
    let fill = async |filler: usize| {
        let mut client = target.client().await?;
        for index in (filler..names).step_by(FILLERS) {
            target.create_repository(&mut client, &repository(index)).await?;
        }
        anyhow::Ok(())
    };
    futures_util::future::try_join_all((0..FILLERS).map(fill)).await?;
    Ok(())
}

async fn copy_tags(target: &Target, names: usize) -> anyhow::Result<()> {
    target.publish(REPOSITORY, &tag(0), &Image::fresh(1, 1024)).await?;
    let tags = distribution::repository(&target.dir, REPOSITORY).join("_manifests/tags");
    (1..names)
        .try_for_each(|index| distribution::copy(&tags.join(tag(0)), &tags.join(tag(index))))?;
    Ok(())
}

async fn copy_repositories(target: &Target, names: usize) -> anyhow::Result<()> {
    target.publish(&repository(0), "latest", &Image::fresh(1, 1024)).await?;
    let folder = |index| distribution::repository(&target.dir, &repository(index));
    (1..names).try_for_each(|index| distribution::copy(&folder(0), &folder(index)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_spread_over_the_list() {
        let mut tenths = [0; 10];
        (0..100).for_each(|turn| tenths[spread(turn, 10_000) / 1_000] += 1);
        assert!(tenths.iter().all(|count| (8..=12).contains(count)), "{tenths:?}");
    }
}
