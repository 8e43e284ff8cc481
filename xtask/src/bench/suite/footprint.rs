//! What a server takes beside CPU: time to start, memory at rest and under 64 large pushes and
//! pulls at once, the size of its program.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::client::Push;
use super::options::Options;
use super::sample::{median, sample};
use super::scenarios::{self, Scenario, Work};
use super::scratch;
use super::target::{Kind, Target};
use super::targets::wharf;

/// How long a server rests before its memory is read.
const REST: Duration = Duration::from_secs(2);
const CLIENTS: usize = 64;

/// One figure of one server.
#[derive(Debug, Clone)]
pub struct Measure {
    /// What it is, and its unit.
    pub name: &'static str,
    /// Whose.
    pub kind: Kind,
    /// How much.
    pub value: f64,
    /// What Wharf's must not exceed.
    pub at_most: f64,
}

/// Measures Wharf and distribution.
///
/// # Errors
/// Fails if a server does not start or answers wrongly.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Measure>> {
    let kinds = match (options.peers_only, options.engines) {
        (true, _) => vec![Kind::Distribution],
        (_, true) => vec![Kind::Wharf, Kind::Scaled],
        _ => vec![Kind::Wharf, Kind::Distribution],
    };
    let mut measures = Vec::new();
    for kind in kinds {
        eprintln!("memory: {kind}");
        measures.extend(starts(kind, options.rounds).await?);
        measures.extend(memory(kind, options).await?);
        let size = std::fs::metadata(program(kind)?)?.len();
        measures.push(figure("program, MB", kind, size as f64 / 1e6, 40.0));
    }
    Ok(measures)
}

fn figure(name: &'static str, kind: Kind, value: f64, at_most: f64) -> Measure {
    Measure { name, kind, value, at_most }
}

async fn starts(kind: Kind, rounds: usize) -> anyhow::Result<[Measure; 2]> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(3) {
        let dir = scratch()?;
        first.push(millis(Target::start(kind, dir.path()).await?.started_in));
        again.push(millis(Target::start(kind, dir.path()).await?.started_in));
    }
    Ok([
        figure("first start to first answer, ms", kind, median(first), 150.0),
        figure("later start to first answer, ms", kind, median(again), 150.0),
    ])
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

async fn memory(kind: Kind, options: &Options) -> anyhow::Result<Vec<Measure>> {
    let mut measures = vec![figure("memory at rest, MiB", kind, rest(kind).await?, 30.0)];
    for (name, scenario) in crowds()? {
        measures.push(figure(name, kind, peak(kind, Arc::new(scenario), options).await?, 150.0));
    }
    Ok(measures)
}

async fn rest(kind: Kind) -> anyhow::Result<f64> {
    let dir = scratch()?;
    let target = Target::start(kind, dir.path()).await?;
    tokio::time::sleep(REST).await;
    Ok(mebi(target.process.resident()?))
}

/// Each crowd has its own server, since the bytes of one already fill 16 GiB of disk.
async fn peak(kind: Kind, scenario: Arc<Scenario>, options: &Options) -> anyhow::Result<f64> {
    let dir = scratch()?;
    let target = Arc::new(Target::start(kind, dir.path()).await?);
    let seed = Arc::new(scenario.seed(&target, options.sizes()).await?);
    target.process.forget_peak()?;
    sample(&scenario, &target, &seed, options.sizes(), Duration::ZERO).await?;
    Ok(mebi(target.process.peak()?))
}

fn crowds() -> anyhow::Result<[(&'static str, Scenario); 3]> {
    let pull = scenarios::all().into_iter().find(|scenario| scenario.name == "pull-256m-64");
    let push = |way| Scenario {
        name: "push-256m-64",
        clients: CLIENTS,
        work: Work::Push(way),
        goals: Vec::new(),
    };
    Ok([
        ("peak, 64 large pulls, MiB", pull.context("the table has no pull with 64 clients")?),
        ("peak, 64 large monolithic pushes, MiB", push(Push::Monolithic)),
        ("peak, 64 large streamed pushes, MiB", push(Push::Streamed)),
    ])
}

fn mebi(kibi: u64) -> f64 {
    kibi as f64 / 1024.0
}

fn program(kind: Kind) -> anyhow::Result<PathBuf> {
    if kind.is_wharf() {
        return wharf::program();
    }
    let path = std::env::var_os("PATH").context("no PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("docker-registry"))
        .find(|program: &PathBuf| Path::exists(program))
        .context("docker-registry is not installed")
}
