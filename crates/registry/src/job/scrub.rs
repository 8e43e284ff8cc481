//! The job that reads everything again, slowly: each blob and manifest within a month. What it
//! looks for and what it does with what is damaged is in the room `check`.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use wharf_db::statement;

use super::{Job, Kind, Next};
use crate::check::{BlobPosition, Check, Finding, ImagePosition, Progress, TOTAL};
use crate::{Error, Registry, Settings};

/// Goes through everything once in [`PASS`], a stretch at a time.
pub struct Scrub {
    stretch: Duration,
}

const NAME: &str = "scrub";

/// From the beginning of one pass to that of the next: so an object is read at least every 30 days,
/// if a pass takes no longer than 5.
const PASS: Duration = Duration::from_secs(25 * 24 * 60 * 60);
/// How long a pass may take: the rate follows from how much there is.
const LENGTH: Duration = Duration::from_secs(4 * 24 * 60 * 60);
/// The least rate, in bytes a second: a small registry is read in hours, and nobody feels it.
const LEAST_RATE: u64 = 8 * 1024 * 1024;
/// After this long, a run saves its position and lets other jobs come to their turn.
const STRETCH: Duration = Duration::from_secs(30);
/// The rest between two stretches.
const REST: Duration = Duration::from_secs(1);

impl Default for Scrub {
    fn default() -> Scrub {
        Scrub { stretch: STRETCH }
    }
}

impl Scrub {
    /// The same with shorter or longer runs.
    #[must_use]
    pub fn in_stretches_of(self, stretch: Duration) -> Scrub {
        Scrub { stretch }
    }
}

/// How far the scrub is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Position {
    /// When this pass began, in milliseconds since 1970.
    begun: i64,
    /// In bytes a second.
    rate: u64,
    blobs: BlobPosition,
    /// Some once all blobs are through.
    images: Option<ImagePosition>,
    /// What this pass has found so far.
    findings: u64,
    /// The last complete pass.
    complete: Option<Complete>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Complete {
    begun: i64,
    findings: u64,
}

/// How the scrub stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scrubbed {
    /// When the last complete pass began, in milliseconds since 1970: everything that is older was
    /// read since. None before the first.
    pub since: Option<i64>,
    /// What the last complete pass and the one under way have found.
    pub findings: u64,
}

statement! {
    PAYLOAD = "SELECT payload FROM jobs WHERE id = $1";
}

impl Kind for Scrub {
    fn name(&self) -> &'static str {
        NAME
    }

    fn every(&self, _: &Settings) -> Option<Duration> {
        Some(PASS)
    }

    fn run(&self, registry: Registry, job: Job) -> BoxFuture<'static, Result<Next, Error>> {
        let stretch = self.stretch;
        async move { run(&registry, &job.payload, stretch).await }.boxed()
    }
}

impl Registry {
    /// How the scrub stands, whichever replica is at it.
    pub async fn scrubbed(&self) -> Result<Scrubbed, Error> {
        let row = self.db.optional::<(String,)>(&PAYLOAD, (NAME,)).await?;
        let position = row.and_then(|(payload,)| serde_json::from_str::<Position>(&payload).ok());
        let Some(position) = position else { return Ok(Scrubbed { since: None, findings: 0 }) };
        let before = position.complete.map_or(0, |complete| complete.findings);
        let findings = if position.is_over() { before } else { before + position.findings };
        Ok(Scrubbed { since: position.complete.map(|complete| complete.begun), findings })
    }
}

/// Goes on from where the last run stopped.
async fn run(registry: &Registry, payload: &str, stretch: Duration) -> Result<Next, Error> {
    let mut position = match serde_json::from_str(payload) {
        Ok(position) => position,
        // At the very beginning there is none.
        Err(_) => Position::begin(registry, None).await?,
    };
    if position.is_over() {
        position = Position::begin(registry, position.complete).await?;
    }
    let observe = |progress: Progress<'_>| {
        if let Progress::Found(finding) = progress {
            alarm(finding);
        }
    };
    let mut check = Check::new(registry, Some(position.rate), true, &observe);
    let over = go(&mut check, &mut position, Instant::now() + stretch).await?;
    position.findings += check.report.findings.len() as u64;
    let due = match over {
        false => registry.now() + REST.as_millis() as i64,
        true => position.end(registry),
    };
    let payload = serde_json::to_string(&position).expect("a position is JSON");
    Ok(Next::Again { payload, due })
}

/// True when the pass is over.
async fn go(check: &mut Check<'_>, position: &mut Position, end: Instant) -> Result<bool, Error> {
    if position.images.is_none() {
        while check.some_blobs(&mut position.blobs).await? {
            if Instant::now() >= end {
                return Ok(false);
            }
        }
    }
    let images = position.images.get_or_insert_default();
    while check.some_images(images).await? {
        if Instant::now() >= end {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Position {
    async fn begin(registry: &Registry, complete: Option<Complete>) -> Result<Position, Error> {
        let total = registry.db.optional::<(i64,)>(&TOTAL, ()).await?.map_or(0, |(bytes,)| bytes);
        Ok(Position {
            begun: registry.now(),
            rate: (total as u64 / LENGTH.as_secs()).max(LEAST_RATE),
            blobs: BlobPosition::default(),
            images: None,
            findings: 0,
            complete,
        })
    }

    fn is_over(&self) -> bool {
        self.complete.is_some_and(|complete| complete.begun == self.begun)
    }

    /// Ends the pass; gives when the next is due.
    fn end(&mut self, registry: &Registry) -> i64 {
        let (begun, ended) = (self.begun, registry.now());
        self.complete = Some(Complete { begun, findings: self.findings });
        let ms = ended - begun;
        tracing::info!(ms, findings = self.findings, "everything stored was read again");
        (begun + PASS.as_millis() as i64).max(ended + REST.as_millis() as i64)
    }
}

fn alarm(finding: &Finding) {
    let Finding { flaw, subject, detail, repaired, .. } = finding;
    let description = flaw.description();
    tracing::error!(
        flaw = description.name,
        subject,
        detail,
        put_aside = repaired,
        "{}: {}",
        description.what,
        description.remedy
    );
}
