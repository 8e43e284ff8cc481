//! `wharf check`: whether everything stored is whole, for a person or a script. What is looked for
//! is in the registry's room `check`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use indicatif::HumanBytes;
use wharf_blobs::Store;
use wharf_db::{Db, Error};
use wharf_identity::Identity;
use wharf_registry::check::{Finding, Flaw, Options, Progress, Report, Severity};
use wharf_registry::copy::{Stage, Watch as _};
use wharf_registry::installation::{self, Terms};
use wharf_registry::{Registry, RegistryId, Settings};

use super::{print, progress};
use crate::cli::CheckArgs;
use crate::config::Config;
use crate::{folder, start};

/// What a script is told when something is wrong; 1 means that the check could not be made.
const FLAWS: u8 = 3;

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let config = Config::read(&args.settings.0)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(examine(&config, args))?;
    match args.json {
        true => print(&format!("{}\n", serde_json::to_string_pretty(&report)?))?,
        false => print(&summary(&report))?,
    }
    let worst = report.findings.iter().map(|finding| finding.severity).max();
    Ok(match worst {
        Some(Severity::Loss | Severity::Contradiction) => ExitCode::from(FLAWS),
        Some(Severity::Waste) | None => ExitCode::SUCCESS,
    })
}

async fn examine(config: &Config, args: &CheckArgs) -> anyhow::Result<Report> {
    let repository = match &args.repository {
        Some(name) => {
            let (account, region) = (config.account.parse()?, config.region.parse()?);
            Some((RegistryId { account, region }, name.clone()))
        }
        None => None,
    };
    let options = Options { repository, rate: args.rate, repair: args.repair };
    let db = open_database(config, args.repair).await?;
    let store = start::open_store(config).await?;
    let unmarked = unmarked(config, &db, &store, args.repair).await?;
    let settings = Settings { grace: config.blob_grace, ..Settings::default() };
    let registry = Registry::new(db.clone(), store, start::system_clock(), settings);
    let shown = progress::Progress::new();
    let observe = |progress: Progress<'_>| match progress {
        Progress::Total(bytes) => shown.begin(Stage::Blobs, bytes),
        Progress::Hashed(bytes) => shown.advance(bytes),
        Progress::Found(finding) if !args.json => {
            // A reader that went away is found out at the end.
            let _ = shown.aside(|| print(&line(finding)));
        }
        Progress::Found(_) => {}
    };
    let mut report = registry.check(&options, &observe).await?;
    let mut more = Vec::from_iter(unmarked);
    if options.repository.is_none() {
        more.extend(secrets(config, &db).await?);
    }
    for finding in more {
        observe(Progress::Found(&finding));
        report.findings.push(finding);
    }
    shown.clear();
    db.close().await;
    Ok(report)
}

/// Whoever only looks reads beside the server that has the database; who repairs must have it alone
/// where the engine is for one process.
async fn open_database(config: &Config, repair: bool) -> anyhow::Result<Db> {
    if config.database_url.is_some() {
        return start::open_database(config).await;
    }
    let path = config.data.join("wharf.db");
    if !path.exists() {
        bail!("there is no database {}; name the data folder with --data", path.display());
    }
    let opened = match repair {
        true => Db::sqlite(&path).await,
        false => Db::sqlite_to_read(&path).await,
    };
    match opened {
        Err(Error::Locked(_)) => bail!(
            "{} is in use by a running server; stop it to repair. Without --repair the check runs \
             beside it",
            path.display()
        ),
        opened => opened.with_context(|| format!("cannot open {}", path.display())),
    }
}

/// Refuses a store of another installation, of which there is nothing to be said here. One without
/// a mark is looked at: whoever has put the blobs back wants to know whether they are all there.
async fn unmarked(
    config: &Config,
    db: &Db,
    store: &Store,
    repair: bool,
) -> anyhow::Result<Option<Finding>> {
    match installation::join(db, store, Terms::Read, 0).await {
        Err(installation::Error::Unmarked(name)) if !repair => {
            let detail = format!("no mark in {}", config.blobs_name());
            Ok(Some(Finding::new(Flaw::StoreUnmarked, name, detail)))
        }
        joined => joined.map(|()| None).with_context(|| start::apart(config)),
    }
}

async fn secrets(config: &Config, db: &Db) -> anyhow::Result<Vec<Finding>> {
    if folder::read_installation_key(config)?.is_none() {
        let path = config.secret_key_file.display();
        bail!("the installation key {path} is not there, so no secret can be checked");
    }
    let identity = Identity::new(db.clone(), folder::installation_key(config)?);
    let unopenable = identity.unopenable_secrets().await?;
    let finding =
        |(id, account)| Finding::new(Flaw::SecretSealed, id, format!("of account {account}"));
    Ok(unopenable.into_iter().map(finding).collect())
}

fn line(finding: &Finding) -> String {
    let Finding { flaw, subject, detail, repaired, .. } = finding;
    let repaired = if *repaired { " (repaired)" } else { "" };
    format!("{} {subject}: {detail}{repaired}\n", flaw.name())
}

/// How much was looked at, and for each kind of finding what it means and what to do.
fn summary(report: &Report) -> String {
    let Report { blobs, images, bytes, findings } = report;
    let mut text = format!("Checked {blobs} blobs ({}) and {images} images: ", HumanBytes(*bytes));
    if findings.is_empty() {
        return text + "everything is in order.\n";
    }
    let plural = if findings.len() == 1 { "" } else { "s" };
    text.push_str(&format!("{} finding{plural}.\n", findings.len()));
    let mut kinds: BTreeMap<&str, (Flaw, usize)> = BTreeMap::new();
    for finding in findings {
        kinds.entry(finding.flaw.name()).or_insert((finding.flaw, 0)).1 += 1;
    }
    for (name, (flaw, count)) in kinds {
        let description = flaw.description();
        text.push_str(&format!("\n{name} ({count}): {}.\n", description.what));
        text.push_str(&format!("  {}.\n", description.remedy));
    }
    text
}
