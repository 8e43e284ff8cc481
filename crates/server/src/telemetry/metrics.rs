//! The numbers for `/metrics`, in the text format of Prometheus. Requests are counted by class
//! and status; paths never become labels, as anyone could make up new ones.

use std::sync::OnceLock;
use std::time::Duration;

use http::Method;
use prometheus::{
    Counter, Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    Opts, Registry, TextEncoder,
};

use super::lines::Dropped;
use super::record::Record;
use crate::listen::Open;

/// What kind of request it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// The AWS operations on `POST /`.
    Api,
    /// `/v2/` and what else under it has no class of its own (catalog).
    Distribution,
    /// Manifests by tag or digest.
    Manifest,
    /// Blob reads.
    Blob,
    /// Blob uploads.
    Upload,
    /// Lists of tags.
    Tags,
    /// Lists of referrers.
    Referrers,
    /// The web console.
    Console,
    /// Health and metrics.
    Health,
    /// Anything else.
    Other,
}

/// The classes with their label, in the order of the enum.
const CLASSES: [(Class, &str); 10] = [
    (Class::Api, "api"),
    (Class::Distribution, "distribution"),
    (Class::Manifest, "manifest"),
    (Class::Blob, "blob"),
    (Class::Upload, "upload"),
    (Class::Tags, "tags"),
    (Class::Referrers, "referrers"),
    (Class::Console, "console"),
    (Class::Health, "health"),
    (Class::Other, "other"),
];

/// Status codes up to this one are labels of their own.
const STATUSES: usize = 600;

/// From a cached manifest to a large layer over a slow line, in seconds.
const BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0];

impl Class {
    /// The class of a request.
    pub fn of(method: &Method, path: &str) -> Self {
        let Some(rest) = path.strip_prefix("/v2/") else {
            return match path {
                "/" if method == Method::POST => Self::Api,
                "/v2" => Self::Distribution,
                "/healthz" | "/readyz" | "/metrics" => Self::Health,
                _ if path == "/console" || path.starts_with("/console/") => Self::Console,
                _ => Self::Other,
            };
        };
        // A repository may be called `blobs` or `tags`: only the end of the path tells.
        let mut ends = rest.trim_end_matches('/').rsplitn(4, '/');
        let (last, before, third) = (ends.next(), ends.next(), ends.next());
        match (third, before, last) {
            (_, Some("tags"), Some("list")) => Self::Tags,
            (_, Some("manifests"), _) => Self::Manifest,
            (_, Some("referrers"), _) => Self::Referrers,
            (Some("blobs"), Some("uploads"), _) | (_, Some("blobs"), Some("uploads")) => {
                Self::Upload
            }
            (_, Some("blobs"), _) => Self::Blob,
            _ => Self::Distribution,
        }
    }
}

/// All metrics of the front. Others register theirs with [`Metrics::registry`].
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    classes: Vec<PerClass>,
    connections: IntGauge,
    resident: IntGauge,
    descriptors: IntGauge,
    cpu: Counter,
    lines_dropped: IntGauge,
    audit_lines_dropped: IntGauge,
    open: Open,
    dropped: Dropped,
    audit_dropped: Dropped,
}

struct PerClass {
    duration: Histogram,
    received: IntCounter,
    sent: IntCounter,
    by_status: Vec<OnceLock<IntCounter>>,
}

impl Metrics {
    /// Metrics over the connections that `open` counts, and the lines of the access log and of the
    /// audit trail that `dropped` and `audit_dropped` count.
    /// `version` and `commit` label the build.
    ///
    /// # Errors
    /// None in practice: the names are constants, and a test registers them.
    pub fn new(
        version: &str,
        commit: &str,
        open: Open,
        dropped: Dropped,
        audit_dropped: Dropped,
    ) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let family = |name: &str, help: &str, labels: &[&str]| {
            let family = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(family.clone()))?;
            Ok::<_, prometheus::Error>(family)
        };
        let requests = family("wharf_requests_total", "Requests answered.", &["class", "status"])?;
        let received =
            family("wharf_received_bytes_total", "Bytes of request bodies.", &["class"])?;
        let sent = family("wharf_sent_bytes_total", "Bytes of response bodies.", &["class"])?;
        let build = prometheus::IntGaugeVec::new(
            Opts::new("wharf_build_info", "1, labelled with the build."),
            &["version", "commit"],
        )?;
        registry.register(Box::new(build.clone()))?;
        build.with_label_values(&[version, commit]).set(1);
        let opts = HistogramOpts::new(
            "wharf_request_duration_seconds",
            "From the request head to the end of the answer.",
        );
        let durations = HistogramVec::new(opts.buckets(BUCKETS.to_vec()), &["class"])?;
        registry.register(Box::new(durations.clone()))?;
        let classes = CLASSES.iter().map(|(_, label)| PerClass {
            duration: durations.with_label_values(&[label]),
            received: received.with_label_values(&[label]),
            sent: sent.with_label_values(&[label]),
            by_status: (0..STATUSES).map(|_| OnceLock::new()).collect(),
        });
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let cpu = Counter::new("process_cpu_seconds_total", "CPU time used, in seconds.")?;
        registry.register(Box::new(cpu.clone()))?;
        Ok(Self {
            classes: classes.collect(),
            connections: gauge("wharf_connections", "Connections open now.")?,
            resident: gauge("process_resident_memory_bytes", "Resident memory.")?,
            descriptors: gauge("process_open_fds", "Open file descriptors.")?,
            lines_dropped: gauge(
                "wharf_access_lines_dropped",
                "Access log lines dropped since the start because the log was too slow.",
            )?,
            audit_lines_dropped: gauge(
                "wharf_audit_lines_dropped",
                "Records of the audit trail dropped since the start because it was too slow.",
            )?,
            cpu,
            requests,
            registry,
            open,
            dropped,
            audit_dropped,
        })
    }

    /// Where other parts of the server register their metrics.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) fn count(&self, record: &Record, took: Duration) {
        let class = &self.classes[record.class as usize];
        class.duration.observe(took.as_secs_f64());
        class.received.inc_by(record.received());
        class.sent.inc_by(record.sent);
        let status = record.status();
        let Some(counter) = class.by_status.get(usize::from(status)) else {
            return;
        };
        let label = CLASSES[record.class as usize].1;
        counter
            .get_or_init(|| self.requests.with_label_values(&[label, &status.to_string()]))
            .inc();
    }

    /// The page for `/metrics`, to be sent as `text/plain; version=0.0.4`.
    ///
    /// # Errors
    /// When two parts of the server registered metrics that contradict each other.
    pub fn page(&self) -> Result<String, prometheus::Error> {
        self.connections.set(to_gauge(self.open.count() as u64));
        self.lines_dropped.set(to_gauge(self.dropped.count()));
        self.audit_lines_dropped.set(to_gauge(self.audit_dropped.count()));
        if let Some(process) = Process::now() {
            self.resident.set(to_gauge(process.resident));
            // The kernel counts; a counter can only be added to.
            self.cpu.inc_by((process.cpu - self.cpu.get()).max(0.0));
        }
        if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
            self.descriptors.set(to_gauge(entries.count() as u64));
        }
        let mut page = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut page)?;
        Ok(String::from_utf8_lossy(&page).into_owned())
    }
}

fn to_gauge(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What `/proc/self` says; `proc(5)`.
struct Process {
    /// In bytes.
    resident: u64,
    /// User and system time in seconds.
    cpu: f64,
}

impl Process {
    fn now() -> Option<Self> {
        let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
        let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program, in brackets, may contain blanks; the fields follow it.
        let mut fields = stat.rsplit(") ").next()?.split(' ').skip(11);
        let user: u64 = fields.next()?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        let ticks = rustix::param::clock_ticks_per_second();
        Some(Self {
            resident: pages * rustix::param::page_size() as u64,
            cpu: (user + system) as f64 / ticks as f64,
        })
    }
}
