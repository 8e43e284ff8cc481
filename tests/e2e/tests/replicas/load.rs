//! Clients that push and pull, through the proxy or past it, until they are told to stop, whatever happens
//! meanwhile, and remember what they were promised and what they were refused.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use futures_util::future::join_all;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use wharf_e2e::{Blob, Client, Image, front};

/// The repository into which all push.
pub const REPOSITORY: &str = "load";

/// How long one push may take, whatever is broken: nobody is to hang.
const BOUND: Duration = Duration::from_secs(60);

/// What happened.
#[derive(Default)]
pub struct Load {
    /// Pushes that were acknowledged to the last step, with their tags.
    pub pushed: Vec<(String, Image)>,
    /// Pushes that were not.
    pub failures: Vec<Failure>,
}

/// A push that failed.
pub struct Failure {
    /// Where the client pushed to.
    pub at: SocketAddr,
    /// When its first request was sent.
    pub begun: Instant,
    /// What the client was told.
    pub told: String,
}

impl Load {
    /// A client for each of these addresses pushes one image after the other until `stop`. Call it
    /// inside the host.
    ///
    /// # Errors
    /// When a push hangs.
    pub async fn until(stop: &AtomicBool, addresses: &[SocketAddr]) -> Result<Self> {
        Client::login(front()).await?.create_repository(REPOSITORY).await?;
        let mut load = Self::default();
        let pushers = addresses.iter().enumerate().map(|(id, at)| push(*at, id as u64, stop));
        for ended in join_all(pushers).await {
            let part = ended?;
            load.pushed.extend(part.pushed);
            load.failures.extend(part.failures);
        }
        Ok(load)
    }

    /// Pulls everything that was acknowledged, by tag and digest, and compares every byte.
    ///
    /// # Errors
    /// When anything is lost.
    pub async fn is_all_there(&self, client: &mut Client) -> Result<()> {
        ensure!(self.pushed.len() > 20, "hardly anything was pushed: {}", self.pushed.len());
        for (tag, image) in &self.pushed {
            let found = client.tag(REPOSITORY, tag).await?;
            ensure!(found.as_ref() == Some(&image.digest), "the tag {tag} is at {found:?}");
            client.pull(REPOSITORY, image).await.with_context(|| format!("lost: {tag}"))?;
        }
        Ok(())
    }

    /// What clients were told whose pushes through the proxy, or past it, began after that moment
    /// and failed.
    pub fn failures_after(&self, moment: Instant, proxied: bool) -> Vec<&str> {
        let late = self
            .failures
            .iter()
            .filter(|failure| failure.begun > moment && (failure.at == front()) == proxied);
        late.map(|failure| &*failure.told).collect()
    }
}

async fn push(at: SocketAddr, id: u64, stop: &AtomicBool) -> Result<Load> {
    let mut client = Client::login(at).await?;
    let (mut load, mut rng) = (Load::default(), StdRng::seed_from_u64(id));
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        // One layer that lives in a row, one that lives in the store.
        let layers = [5_000, 400_000].map(|size| Blob::new(rng.random(), size)).to_vec();
        let (tag, image) = (format!("{id}-{number}"), Image::new(&mut rng, layers));
        let begun = Instant::now();
        let push = client.push(REPOSITORY, &tag, &image);
        let pushed = tokio::time::timeout(BOUND, push).await.context("a push hangs")?;
        match pushed {
            Ok(()) => load.pushed.push((tag, image)),
            Err(error) => {
                load.failures.push(Failure { at, begun, told: format!("{error:#}") });
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    Ok(load)
}
