//! The table of scenarios with their goals, and what they have in common. What an operation does is
//! in one file for each kind of work.

mod images;
pub mod list;
mod pull;
mod push;

use std::sync::Arc;
use std::time::Instant;

use super::client;
use super::image::Image;
use super::options::{Options, Sizes};
use super::target::{Kind, Target};
use images::Images;
use list::List;
use pull::Pull;

/// The repository that all but the catalog work in.
pub const REPOSITORY: &str = "bench/app";

/// Clients at least where replicas are compared.
const CLIENTS_OF_REPLICAS: usize = 8;

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name, for `--only` and the report.
    pub name: &'static str,
    /// Clients at work at the same time.
    pub clients: usize,
    /// What they do.
    pub work: Work,
    /// Whom it is held against, and how.
    pub goals: Vec<Goal>,
}

/// What Wharf has to reach against one peer. A peer may stand here without a goal.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// The peer.
    pub against: Kind,
    /// At most this many times the peer's CPU time per operation.
    pub cpu: Option<f64>,
    /// At least this many times the peer's rate.
    pub rate: Option<f64>,
}

/// The kinds of work.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    /// Manifests and blobs are read.
    Pull(Pull),
    /// One large blob is pushed.
    Push(client::Push),
    /// Whole images are pushed and pulled.
    Images(Images),
    /// A page of a list is read.
    List(List),
}

/// What lies in a server before it is measured.
#[derive(Debug, Default)]
pub struct Seed {
    images: Vec<Image>,
    names: usize,
}

impl Scenario {
    /// Wharf and the peers of the goals, or Wharf on all its engines, or only replicas.
    pub fn kinds(&self, options: &Options) -> Vec<Kind> {
        if options.share.is_some() {
            return vec![Kind::Scaled, Kind::Replicas];
        }
        if options.engines {
            return vec![Kind::Wharf, Kind::Scaled, Kind::Replicas];
        }
        let mut kinds = if options.peers_only { Vec::new() } else { vec![Kind::Wharf] };
        kinds.extend(self.goals.iter().map(|goal| goal.against));
        if options.more_peers {
            kinds.push(Kind::Distribution3);
        }
        kinds
    }

    /// Bytes of content that an operation moves, where that is worth a rate of its own.
    pub fn bytes(&self, sizes: Sizes) -> Option<u64> {
        match self.work {
            Work::Pull(pull) => pull.bytes(sizes),
            Work::Push(_) => Some(sizes.large),
            Work::Images(_) | Work::List(_) => None,
        }
    }

    /// Fills a server that has just started.
    ///
    /// # Errors
    /// Fails if the server refuses something or gives back something else.
    pub async fn seed(&self, target: &Target, sizes: Sizes) -> anyhow::Result<Seed> {
        target.create_repository(&mut target.client().await?, REPOSITORY).await?;
        match self.work {
            Work::Pull(pull) => pull.seed(target, sizes).await,
            Work::Push(_) => Ok(Seed::default()),
            Work::Images(images) => images.seed(target, self.clients).await,
            Work::List(list) => list.seed(target, sizes).await,
        }
    }

    /// Works as the client number `client` until the time has passed, at least once, and says how
    /// often.
    ///
    /// # Errors
    /// Fails at the first wrong answer.
    pub async fn work(
        self: Arc<Self>,
        target: Arc<Target>,
        seed: Arc<Seed>,
        client: usize,
        sizes: Sizes,
        until: Instant,
    ) -> anyhow::Result<u64> {
        match self.work {
            Work::Pull(pull) => pull.work(&target, &seed, client, until).await,
            Work::Push(way) => push::work(way, &target, sizes.large, until).await,
            Work::Images(images) => images.work(&target, &seed, client, until).await,
            Work::List(list) => list.work(&target, &seed, client, until).await,
        }
    }
}

/// The whole table.
pub fn all() -> Vec<Scenario> {
    [pulls(), pushes(), images(), lists()].concat()
}

/// Those that the command line chooses. Where replicas are compared, each has clients enough to
/// use up its share.
pub fn chosen(options: &Options) -> Vec<Scenario> {
    let least = if options.share.is_some() { CLIENTS_OF_REPLICAS } else { 0 };
    let mut chosen = all();
    chosen.retain(|scenario| options.selects(scenario.name));
    for scenario in &mut chosen {
        scenario.clients = scenario.clients.max(least);
    }
    chosen
}

fn pulls() -> Vec<Scenario> {
    let small = [cpu(Kind::Distribution, 0.05), cpu(Kind::Nginx, 5.0)];
    let layer = [cpu(Kind::Distribution, 0.03), cpu(Kind::Nginx, 5.0)];
    let large = [cpu(Kind::Distribution, 0.5), cpu(Kind::Nginx, 1.4)];
    let range = [cpu(Kind::Distribution, 0.12), cpu(Kind::Nginx, 1.5)];
    vec![
        scenario("manifest-get-tag", 8, Work::Pull(Pull::ManifestByTag), &small),
        scenario("manifest-get-digest", 8, Work::Pull(Pull::ManifestByDigest), &small),
        scenario("manifest-head", 8, Work::Pull(Pull::ManifestHead), &small),
        scenario("blob-head", 8, Work::Pull(Pull::BlobHead), &small),
        scenario("blob-get-16k", 8, Work::Pull(Pull::Blob16K), &layer),
        scenario("pull-256m-1", 1, Work::Pull(Pull::BlobLarge), &large),
        scenario("pull-256m-8", 8, Work::Pull(Pull::BlobLarge), &large),
        scenario("pull-256m-64", 64, Work::Pull(Pull::BlobLarge), &large),
        scenario("range-1m", 8, Work::Pull(Pull::Range1M), &range),
    ]
}

fn pushes() -> Vec<Scenario> {
    let goals = [cpu(Kind::Distribution, 0.40), cpu(Kind::Bare, 1.25)];
    vec![
        scenario("push-256m-monolithic", 1, Work::Push(client::Push::Monolithic), &goals),
        scenario("push-256m-streamed", 1, Work::Push(client::Push::Streamed), &goals),
        scenario("push-256m-chunked", 1, Work::Push(client::Push::Chunked), &goals),
    ]
}

fn images() -> Vec<Scenario> {
    let new = [cpu_and_rate(Kind::Distribution, 0.10, 6.0), rate(Kind::Bare, 0.5)];
    let existing = [cpu(Kind::Distribution, 0.05)];
    let mixed = [cpu_and_rate(Kind::Distribution, 0.15, 5.0), rate(Kind::Bare, 0.7)];
    vec![
        scenario("image-new", 4, Work::Images(Images::New), &new),
        scenario("image-existing", 4, Work::Images(Images::Existing), &existing),
        scenario("image-mixed", 8, Work::Images(Images::Mixed), &mixed),
    ]
}

fn lists() -> Vec<Scenario> {
    vec![
        scenario("tags-list", 2, Work::List(List::Tags), &[cpu(Kind::Distribution, 0.10)]),
        scenario("catalog", 2, Work::List(List::Catalog), &[cpu(Kind::Distribution, 0.02)]),
    ]
}

fn scenario(name: &'static str, clients: usize, work: Work, goals: &[Goal]) -> Scenario {
    Scenario { name, clients, work, goals: goals.to_vec() }
}

fn cpu(against: Kind, at_most: f64) -> Goal {
    Goal { against, cpu: Some(at_most), rate: None }
}

fn rate(against: Kind, at_least: f64) -> Goal {
    Goal { against, cpu: None, rate: Some(at_least) }
}

fn cpu_and_rate(against: Kind, at_most: f64, at_least: f64) -> Goal {
    Goal { against, cpu: Some(at_most), rate: Some(at_least) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_its_own_name_and_a_goal() {
        let all = all();
        let names: std::collections::HashSet<_> =
            all.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all.len());
        for scenario in all {
            let set = scenario.goals.iter().all(|goal| goal.cpu.is_some() || goal.rate.is_some());
            assert!(set && !scenario.goals.is_empty(), "{}", scenario.name);
            let options = Options::parse(&[]).expect("no flags are needed");
            assert_eq!(scenario.kinds(&options).len(), 1 + scenario.goals.len());
        }
    }
}
