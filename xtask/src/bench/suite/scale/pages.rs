//! Reading the lists page by page, as `nextToken` or the `Link` header leads on.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hyper::header::LINK;
use serde_json::{Value, json};

use crate::bench::suite::client::{Answer, Client};
use crate::bench::suite::sample::median;
use crate::bench::suite::scenarios::REPOSITORY;
use crate::bench::suite::target::{Kind, Target};

/// Pages that stand for the start of a list, and for its end.
const SOME: usize = 10;
/// Turns of start and end at least.
const TURNS: usize = 5;

/// A list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    DescribeImages,
    ListImages,
    Tags,
    DescribeRepositories,
    Catalog,
}

/// Where a page begins: None for the first, else the token or the path that the page before named.
type Place = Option<String>;

impl Pages {
    /// Every list.
    pub const ALL: [Pages; 5] = [
        Pages::DescribeImages,
        Pages::ListImages,
        Pages::Tags,
        Pages::DescribeRepositories,
        Pages::Catalog,
    ];

    /// Its operation or endpoint.
    pub fn name(self) -> &'static str {
        match self {
            Self::DescribeImages => "DescribeImages",
            Self::ListImages => "ListImages",
            Self::Tags => "tags/list",
            Self::DescribeRepositories => "DescribeRepositories",
            Self::Catalog => "catalog",
        }
    }

    /// Whether it has an entry for each image of the repository, or for each repository.
    pub fn are_of_images(self) -> bool {
        !matches!(self, Self::DescribeRepositories | Self::Catalog)
    }

    /// What a page costs, in microseconds, at the start and at the end of this list of `total`
    /// entries: the medians of turns that go on for `time`. See [`in_cpu`] for what is counted.
    ///
    /// # Errors
    /// Fails if the list does not hold what it must.
    pub async fn start_and_end(
        self,
        target: &Arc<Target>,
        total: usize,
        length: usize,
        time: Duration,
    ) -> anyhow::Result<(f64, f64)> {
        let mut client = target.client().await?;
        let places = self.walk(target, &mut client, total, length).await?;
        ensure!(places.len() >= 2 * SOME, "{} has only {} pages", self.name(), places.len());
        let ends = [&places[..SOME], &places[places.len() - SOME..]];
        let mut costs = [Vec::new(), Vec::new()];
        let begin = Instant::now();
        while costs[1].len() < TURNS || begin.elapsed() < time {
            for (places, costs) in ends.iter().zip(&mut costs) {
                costs.push(self.cost(target, &mut client, places, length).await?);
            }
        }
        let [start, end] = costs;
        Ok((median(start), median(end)))
    }

    /// Reads the whole list: where each of its pages begins. Every entry must come once.
    async fn walk(
        self,
        target: &Target,
        client: &mut Client,
        total: usize,
        length: usize,
    ) -> anyhow::Result<Vec<Place>> {
        let mut seen = HashSet::new();
        let mut places = vec![None];
        while let Some(place) = places.last() {
            let answer = self.ask(target, client, place.as_deref(), length).await?;
            let (names, next) = self.read(&answer)?;
            let count = names.len();
            ensure!(count <= length, "a page of {} has {count} entries", self.name());
            for name in names {
                ensure!(seen.insert(name), "{} has an entry twice", self.name());
            }
            if next.is_none() {
                break;
            }
            places.push(next);
        }
        ensure!(seen.len() == total, "{} has {} of {total} entries", self.name(), seen.len());
        Ok(places)
    }

    /// What one of these pages costs, in microseconds.
    async fn cost(
        self,
        target: &Target,
        client: &mut Client,
        places: &[Place],
        length: usize,
    ) -> anyhow::Result<f64> {
        let (begin, before) = (Instant::now(), target.process.cpu()?);
        for place in places {
            let answer = self.ask(target, client, place.as_deref(), length).await?;
            ensure!(answer.body.len() > length, "{} answers too little", self.name());
        }
        let spent = match in_cpu(target) {
            true => target.process.cpu()?.saturating_sub(before),
            false => begin.elapsed(),
        };
        Ok(spent.as_secs_f64() * 1e6 / places.len() as f64)
    }

    async fn ask(
        self,
        target: &Target,
        client: &mut Client,
        place: Option<&str>,
        length: usize,
    ) -> anyhow::Result<Answer> {
        let first = match self {
            Self::Tags => format!("/v2/{REPOSITORY}/tags/list?n={length}"),
            Self::Catalog => format!("/v2/_catalog?n={length}"),
            Self::DescribeImages | Self::ListImages | Self::DescribeRepositories => {
                let mut input = json!({ "maxResults": length });
                if self.are_of_images() {
                    input["repositoryName"] = json!(REPOSITORY);
                }
                if let Some(token) = place {
                    input["nextToken"] = json!(token);
                }
                return target.call(client, self.name(), &input).await;
            }
        };
        client.get(place.unwrap_or(&first)).await
    }

    /// What names each entry of a page, and where the next page begins.
    fn read(self, answer: &Answer) -> anyhow::Result<(Vec<String>, Place)> {
        let page: Value = serde_json::from_slice(&answer.body)?;
        let (member, key) = match self {
            Self::DescribeImages => ("imageDetails", "/imageDigest"),
            Self::ListImages => ("imageIds", "/imageDigest"),
            Self::Tags => ("tags", ""),
            Self::DescribeRepositories => ("repositories", "/repositoryName"),
            Self::Catalog => ("repositories", ""),
        };
        let entries = page[member].as_array().with_context(|| format!("no {member}"))?;
        let name = |entry: &Value| entry.pointer(key)?.as_str().map(str::to_owned);
        let names: Option<Vec<_>> = entries.iter().map(name).collect();
        let next = match answer.headers.get(LINK) {
            Some(link) => Some(linked(link.to_str()?)?.to_owned()),
            None => page["nextToken"].as_str().map(str::to_owned),
        };
        Ok((names.with_context(|| format!("{member} without a name"))?, next))
    }
}

/// Whether the cost of a page is the server's CPU time. With PostgreSQL it is the time on the clock:
/// most of the work is not the server's own.
pub fn in_cpu(target: &Target) -> bool {
    target.kind == Kind::Wharf
}

/// The target of a `Link` header (RFC 8288).
fn linked(link: &str) -> anyhow::Result<&str> {
    let end = link.find('>').filter(|_| link.starts_with('<'));
    Ok(&link[1..end.with_context(|| format!("the link {link:?} has no target"))?])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use hyper::header::HeaderMap;

    use super::*;

    #[test]
    fn a_page_says_what_it_holds_and_what_follows() {
        let answer = |body: &str, link: Option<&str>| Answer {
            headers: HeaderMap::from_iter(link.map(|link| (LINK, link.parse().unwrap()))),
            body: Bytes::from(body.to_owned()),
        };
        let images = r#"{"imageIds":[{"imageDigest":"d","imageTag":"t"}],"nextToken":"n"}"#;
        let page = Pages::ListImages.read(&answer(images, None)).unwrap();
        assert_eq!(page, (vec!["d".to_owned()], Some("n".to_owned())));
        let tags = answer(r#"{"tags":["t"]}"#, Some(r#"</v2/a?last=t>; rel="next""#));
        let page = Pages::Tags.read(&tags).unwrap();
        assert_eq!(page, (vec!["t".to_owned()], Some("/v2/a?last=t".to_owned())));
        assert!(Pages::Tags.read(&answer(r#"{"tags":[1]}"#, None)).is_err());
        assert!(Pages::Tags.read(&answer(r#"{"tags":[]}"#, Some("/v2/a"))).is_err());
    }
}
