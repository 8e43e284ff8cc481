//! What the registry has promised: each step of each client, from when it was asked for. After a
//! kill the ledger asks the registry whether it kept its word.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use anyhow::{Context as _, Result, bail, ensure};
use rand::{RngExt as _, rngs::StdRng};
use wharf_e2e::{Blob, Client, Image};

/// Steps of earlier rounds that are looked at again after each kill; all are at the end.
const SAMPLE: usize = 10;

/// One request whose answer is a promise.
#[derive(Clone, Debug)]
pub enum Step {
    Repository {
        name: String,
    },
    Blob {
        repository: String,
        blob: Blob,
    },
    Manifest {
        repository: String,
        tag: Option<String>,
        /// Other clients move this tag too.
        shared: bool,
        image: Image,
    },
}

/// All steps so far.
#[derive(Default)]
pub struct Ledger {
    /// By client: asked for and not acknowledged.
    open: BTreeMap<u64, Step>,
    /// Acknowledged since the last check.
    fresh: Vec<Step>,
    /// Acknowledged, or found to be there, and checked before.
    kept: Vec<Step>,
    /// By repository and tag: where it may point to. None: it may be missing.
    tags: BTreeMap<(String, String), BTreeSet<Option<String>>>,
    repositories: BTreeSet<String>,
    pub tally: Tally,
}

/// What the rounds met.
#[derive(Default)]
pub struct Tally {
    acknowledged: u64,
    /// Not acknowledged, and there as a whole.
    there: u64,
    /// Not acknowledged, and not there.
    absent: u64,
}

impl Ledger {
    /// A ledger that knows this repository.
    pub fn with_repository(name: &str) -> Self {
        let repositories = BTreeSet::from([name.to_owned()]);
        Self { repositories, ..Self::default() }
    }

    /// Whether the repository is there for certain.
    pub fn has_repository(&self, name: &str) -> bool {
        self.repositories.contains(name)
    }

    /// The images that are there for certain, with their repositories.
    pub fn images(&self) -> impl Iterator<Item = (&str, &Image)> {
        self.kept.iter().filter_map(|step| match step {
            Step::Manifest { repository, image, .. } => Some((repository.as_str(), image)),
            _ => None,
        })
    }

    /// The repositories that are there for certain.
    pub fn repositories(&self) -> impl Iterator<Item = &str> {
        self.repositories.iter().map(String::as_str)
    }

    /// A client is about to ask for this.
    pub fn begin(&mut self, client: u64, step: Step) {
        if let Step::Manifest { repository, tag: Some(tag), image, .. } = &step {
            let key = (repository.clone(), tag.clone());
            let places = self.tags.entry(key).or_insert_with(|| BTreeSet::from([None]));
            places.insert(Some(image.digest.clone()));
        }
        self.open.insert(client, step);
    }

    /// What the client asked for was acknowledged.
    pub fn acknowledged(&mut self, client: u64) {
        let Some(step) = self.open.remove(&client) else { return };
        match &step {
            Step::Repository { name } => {
                self.repositories.insert(name.clone());
            }
            Step::Manifest { repository, tag: Some(tag), image, shared } => {
                let key = (repository.clone(), tag.clone());
                let places = self.tags.entry(key).or_default();
                places.remove(&None);
                // Nobody else moves it: it is exactly there.
                if !shared {
                    places.retain(|place| place.as_ref() == Some(&image.digest));
                }
            }
            _ => {}
        }
        self.tally.acknowledged += 1;
        self.fresh.push(step);
    }

    /// Compares the registry with the promises of this round and some of the rounds before.
    pub async fn check(&mut self, client: &mut Client, rng: &mut StdRng) -> Result<()> {
        let fresh = std::mem::take(&mut self.fresh);
        for step in &fresh {
            ensure!(is_there(client, step).await?, "acknowledged and lost: {step:?}");
        }
        for _ in 0..SAMPLE.min(self.kept.len()) {
            let step = &self.kept[rng.random_range(0..self.kept.len())];
            ensure!(is_there(client, step).await?, "lost later: {step:?}");
        }
        let touched: BTreeSet<_> = fresh.iter().chain(self.open.values()).filter_map(tag).collect();
        self.check_tags(client, touched).await?;
        for (_, step) in std::mem::take(&mut self.open) {
            self.settle(client, step).await?;
        }
        self.kept.extend(fresh);
        Ok(())
    }

    /// Nobody was told how this ended: it is there as a whole, or not at all.
    async fn settle(&mut self, client: &mut Client, step: Step) -> Result<()> {
        if !is_there(client, &step).await? {
            self.tally.absent += 1;
            return Ok(());
        }
        self.tally.there += 1;
        match &step {
            Step::Repository { name } => {
                self.repositories.insert(name.clone());
            }
            Step::Manifest { repository, tag: Some(tag), shared: false, image } => {
                let found = client.tag(repository, tag).await?;
                let is_set = found.as_ref() == Some(&image.digest);
                ensure!(is_set, "the image is there, its tag {tag} is at {found:?}: {step:?}");
            }
            _ => {}
        }
        self.kept.push(step);
        Ok(())
    }

    async fn check_tags(
        &mut self,
        client: &mut Client,
        touched: BTreeSet<(String, String)>,
    ) -> Result<()> {
        for (repository, tag) in touched {
            let found = client.tag(&repository, &tag).await?;
            let key = (repository, tag);
            let places = self.tags.get(&key).context("tags are noted before they are asked for")?;
            ensure!(places.contains(&found), "{key:?} is at {found:?}, not in {places:?}");
            self.tags.insert(key, BTreeSet::from([found]));
        }
        Ok(())
    }

    /// Compares all that is there with all that was ever promised, in both directions.
    pub async fn check_everything(&mut self, client: &mut Client) -> Result<()> {
        for step in &self.kept {
            ensure!(is_there(client, step).await?, "lost in the end: {step:?}");
        }
        self.check_tags(client, self.tags.keys().cloned().collect()).await?;
        let catalog = client.get("/v2/_catalog?n=1000").await?.expect(200)?;
        ensure!(catalog.header("link").is_empty(), "too many repositories for one page");
        ensure!(names(&catalog.json()?["repositories"]) == self.repositories, "{catalog:?}");
        for name in &self.repositories {
            let listed = client.get(&format!("/v2/{name}/tags/list?n=1000")).await?.expect(200)?;
            let set = self
                .tags
                .iter()
                .filter(|((repository, _), places)| repository == name && !places.contains(&None));
            let set: BTreeSet<_> = set.map(|((_, tag), _)| tag.clone()).collect();
            ensure!(names(&listed.json()?["tags"]) == set, "not {set:?}: {listed:?}");
        }
        Ok(())
    }
}

fn names(list: &serde_json::Value) -> BTreeSet<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .collect()
}

fn tag(step: &Step) -> Option<(String, String)> {
    match step {
        Step::Manifest { repository, tag: Some(tag), .. } => {
            Some((repository.clone(), tag.clone()))
        }
        _ => None,
    }
}

/// Whether the outcome of the step is there. An error when only a part of it is.
async fn is_there(client: &mut Client, step: &Step) -> Result<bool> {
    match step {
        Step::Repository { name } => {
            match client.get(&format!("/v2/{name}/tags/list")).await?.status {
                200 => Ok(true),
                404 => Ok(false),
                other => bail!("{other} for the tags of {name}"),
            }
        }
        Step::Blob { repository, blob } => client.holds_blob(repository, blob).await,
        Step::Manifest { repository, image, .. } => {
            let path = format!("/v2/{repository}/manifests/{}", image.digest);
            if client.get(&path).await?.status == 404 {
                return Ok(false);
            }
            client.pull(repository, image).await.with_context(|| format!("half: {step:?}"))?;
            Ok(true)
        }
    }
}

impl Tally {
    /// Fails when the rounds met too little to say anything.
    pub fn is_telling(&self, rounds: u64) -> Result<()> {
        ensure!(self.acknowledged > 5 * rounds, "hardly anything was acknowledged: {self}");
        ensure!(self.absent > rounds / 10, "hardly anything was cut off: {self}");
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, there, absent } = self;
        write!(
            f,
            "acknowledged: {acknowledged}; cut off and there: {there}; cut off and absent: {absent}"
        )
    }
}
