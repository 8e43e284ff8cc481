//! What goes on beside the requests: writing down what was pulled and which keys were used, and
//! working through the jobs.
//! What the jobs are is in the registry's room `job`.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{CounterVec, IntCounterVec, IntGauge, Opts};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use wharf_identity::Identity;
use wharf_registry::Registry;
use wharf_registry::job::{self, Outcome, Ran, Scrubbed, Worker};

use crate::shutdown::Stop;

/// How often the times of pulls and of uses are written.
const NOTES: Duration = Duration::from_secs(1);
/// How often the state of the scrub is read for the metrics.
const SCRUB_SHOWN: Duration = Duration::from_secs(60);

/// What is counted of the jobs.
#[derive(Clone)]
pub struct JobMetrics {
    runs: IntCounterVec,
    seconds: CounterVec,
    scrubbed: IntGauge,
    scrub_findings: IntGauge,
}

impl JobMetrics {
    /// Registers the metrics. Kinds and outcomes are labels, and both are few.
    ///
    /// # Errors
    /// When they are registered already.
    pub fn new(registry: &prometheus::Registry) -> Result<Arc<JobMetrics>, prometheus::Error> {
        let runs = Opts::new("wharf_jobs_total", "Runs of jobs.");
        let runs = IntCounterVec::new(runs, &["kind", "outcome"])?;
        let seconds = Opts::new("wharf_job_seconds_total", "Time that runs of jobs took.");
        let seconds = CounterVec::new(seconds, &["kind"])?;
        registry.register(Box::new(runs.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let scrubbed = gauge(
            "wharf_scrub_complete_timestamp_seconds",
            "When the last complete pass of the scrub began; 0 before the first.",
        )?;
        let scrub_findings =
            gauge("wharf_scrub_findings", "What the last pass and the one under way found wrong.")?;
        Ok(Arc::new(JobMetrics { runs, seconds, scrubbed, scrub_findings }))
    }

    fn show(&self, scrubbed: Scrubbed) {
        self.scrubbed.set(scrubbed.since.unwrap_or(0) / 1000);
        self.scrub_findings.set(i64::try_from(scrubbed.findings).unwrap_or(i64::MAX));
    }

    fn count(&self, ran: &Ran) {
        self.runs.with_label_values(&[ran.kind, ran.outcome.as_str()]).inc();
        self.seconds.with_label_values(&[ran.kind]).inc_by(ran.took.as_secs_f64());
    }
}

/// Runs until `stop`, which ends even a job in the middle. A fault is logged and tried again at the
/// next turn.
pub fn run(
    registry: Registry,
    identity: Identity,
    stop: Stop,
    metrics: Arc<JobMetrics>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let (mut turns_stop, mut jobs_stop) = (stop.clone(), stop);
        let worker = Worker::new(registry.clone(), job::kinds());
        let turns = async {
            tokio::select! {
                () = turns_stop.finishing() => {}
                () = write_activity(registry.clone(), identity) => {}
                () = watch_scrub(registry, &metrics) => {}
            }
        };
        let jobs = worker.run(jobs_stop.finishing(), |ran| {
            metrics.count(ran);
            log(ran);
        });
        tokio::join!(turns, jobs);
    })
}

/// Any replica may be at the scrub; each shows how it stands.
async fn watch_scrub(registry: Registry, metrics: &JobMetrics) {
    let mut turns = interval(SCRUB_SHOWN);
    loop {
        turns.tick().await;
        match registry.scrubbed().await {
            Ok(scrubbed) => metrics.show(scrubbed),
            Err(error) => tracing::warn!(error = error.told(), "no look at the scrub"),
        }
    }
}

async fn write_activity(registry: Registry, identity: Identity) {
    let mut turns = interval(NOTES);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        if let Err(error) = registry.write_activity().await {
            tracing::error!(error = error.told(), "pull times could not be written");
        }
        if let Err(error) = identity.write_uses().await {
            tracing::error!(%error, "the uses of access keys could not be written");
        }
    }
}

/// One line a run. A subject is an id of ours, never what a client can make up.
fn log(ran: &Ran) {
    let (kind, subject, outcome) = (ran.kind, ran.subject.as_str(), ran.outcome.as_str());
    let ms = ran.took.as_secs_f64() * 1000.0;
    match &ran.outcome {
        Outcome::Failed(error) => {
            let error = error.told();
            tracing::error!(kind, subject, ms, outcome, error, "job");
        }
        Outcome::Lost => tracing::warn!(kind, subject, ms, outcome, "job"),
        Outcome::Done | Outcome::GivenBack => tracing::info!(kind, subject, ms, outcome, "job"),
    }
}
