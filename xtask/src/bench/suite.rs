//! The bench itself: takes the scenarios in turn, starts fresh servers for each, lets them take
//! turns in rounds, and reports.

mod api;
mod authorisation;
mod bare;
mod client;
mod content;
mod footprint;
mod image;
mod options;
mod process;
mod reader;
mod report;
mod sample;
mod scale;
mod scenarios;
mod share;
mod target;
mod targets;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use options::{Options, USAGE};
use report::{Outcome, Report};
use scenarios::{Scenario, Seed};
use target::{Kind, Target};

/// The hidden first argument under which this program is the bare server.
const BARE: &str = "bare-server";

/// Runs the bench, or the bare server that it starts for itself.
///
/// # Errors
/// Fails on a bad flag, a server that does not start, or a wrong answer.
pub fn run(args: &[String]) -> anyhow::Result<()> {
    if args.iter().any(|arg| arg == "--help") {
        println!("{USAGE}");
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    match args {
        [bare, address, dir] if bare == BARE => {
            runtime.block_on(bare::serve(address.parse()?, Path::new(dir)))
        }
        _ => runtime.block_on(unless_stopped(measure(&Options::parse(args)?))),
    }
}

/// Ends the work when this program is told to end, as an error does: so servers, folders and
/// control groups go in this case too.
async fn unless_stopped(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut asked = signal(SignalKind::terminate())?;
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = asked.recv() => bail!("told to end"),
    }
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let chosen = scenarios::chosen(options);
    let footprint = options.selects("memory") && options.share.is_none();
    let scale = options.selects("scale") && scale::is_possible(options);
    let authorisation =
        options.selects("authorisation") && options.share.is_none() && !options.peers_only;
    ensure!(
        footprint || scale || authorisation || !chosen.is_empty(),
        "no scenario has {:?} in its name",
        options.only.as_deref()
    );
    if options.more_peers {
        targets::distribution::build_3()?;
    }
    let mut report = Report::default();
    for scenario in chosen {
        report.outcomes.push(outcome(Arc::new(scenario), options).await?);
    }
    if scale {
        report.growths = scale::measure(options).await?;
    }
    if authorisation {
        report.growths.extend(authorisation::measure(options).await?);
    }
    if footprint {
        report.measures = footprint::measure(options).await?;
    }
    let table = heading(options) + &report.markdown();
    println!("{table}");
    let beside = bench_dir()?;
    std::fs::write(beside.with_extension("md"), &table)?;
    std::fs::write(beside.with_extension("json"), report.json().to_string())?;
    Ok(())
}

/// What the figures are of.
fn heading(options: &Options) -> String {
    let sizes = options.sizes();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let warning = if options.quick {
        " A quick run: its figures show nothing but that it works."
    } else {
        ""
    };
    let share = options
        .share
        .map(|percent| format!(" Each replica was held to {percent} % of one core."))
        .unwrap_or_default();
    format!(
        "Medians of {} rounds, {cores} cores, large blobs of {} MiB, lists of {} names.{share}{warning}\n\n",
        options.rounds,
        sizes.large >> 20,
        sizes.names
    )
}

/// All rounds of one scenario, the servers taking turns.
async fn outcome(scenario: Arc<Scenario>, options: &Options) -> anyhow::Result<Outcome> {
    let sizes = options.sizes();
    let scratch = scratch()?;
    let mut servers = Vec::new();
    for kind in scenario.kinds(options) {
        eprintln!("{}: {kind}", scenario.name);
        let (target, seed) = ready(&scenario, kind, scratch.path(), options).await?;
        sample::sample(&scenario, &target, &seed, sizes, Duration::ZERO).await?;
        servers.push((target, seed, Vec::new()));
    }
    for _ in 0..options.rounds {
        for (target, seed, samples) in &mut servers {
            samples.push(sample::sample(&scenario, target, seed, sizes, options.sample()).await?);
        }
    }
    Ok(Outcome {
        name: scenario.name,
        clients: scenario.clients,
        bytes: scenario.bytes(sizes),
        goals: if options.engines { Vec::new() } else { scenario.goals.clone() },
        samples: servers.into_iter().map(|(target, _, samples)| (target.kind, samples)).collect(),
    })
}

/// A server with what the scenario needs in it.
async fn ready(
    scenario: &Scenario,
    kind: Kind,
    scratch: &Path,
    options: &Options,
) -> anyhow::Result<(Arc<Target>, Arc<Seed>)> {
    let dir = scratch.join(kind.to_string().replace(' ', "-"));
    std::fs::create_dir(&dir)?;
    let mut target = Target::start(kind, &dir).await?;
    let seed = scenario.seed(&target, options.sizes()).await;
    let seed = seed.with_context(|| format!("filling {kind} for {}", scenario.name))?;
    if let Some(percent) = options.share {
        target.process.hold(percent)?;
    }
    Ok((Arc::new(target), Arc::new(seed)))
}

/// A folder on the disk of the build, removed with all it holds when it goes out of scope.
fn scratch() -> anyhow::Result<TempDir> {
    Ok(TempDir::new_in(bench_dir()?)?)
}

/// `target/bench`, beside the folder that this program was built into; the reports lie beside it.
fn bench_dir() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let Some(target) = program.ancestors().nth(2) else {
        bail!("{} is in no target folder", program.display())
    };
    let dir = target.join("bench");
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
