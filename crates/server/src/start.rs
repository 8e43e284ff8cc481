//! Start-up: from a configuration to a running server. Tests boot the same thing in-process.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wharf_api::{Api, Endpoint};
use wharf_blobs::{S3Settings, Store};
use wharf_db::Db;
use wharf_distribution::Distribution;
use wharf_identity::outbound::Outbound;
use wharf_identity::{GivenKey, Identity, InstallationKey, RootKey};
use wharf_registry::copy::adopt;
use wharf_registry::installation::{self, Terms};
use wharf_registry::{Clock, Registry, Settings};

use crate::accounts::Accounts;
use crate::app::App;
use crate::config::Config;
use crate::listen::{Limits, Listen, Open};
use crate::shutdown::Stop;
use crate::telemetry::access::{AccessLog, Destination};
use crate::telemetry::audit::AuditTrail;
use crate::telemetry::lines::Dropped;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{Floor, Telemetry};
use crate::tls::Certificates;
use crate::{admin, background, folder};

/// A server that answers.
pub struct Running {
    pub address: SocketAddr,
    pub root: RootKey,
    /// What the server serves, for what goes by no door.
    pub registry: Registry,
    /// Who may call it.
    pub identity: Identity,
    /// Ends when everything is finished and written.
    pub done: JoinHandle<anyhow::Result<()>>,
}

/// The system's clock.
#[must_use]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
    })
}

/// Opens the engines, makes what is missing, listens, and answers until `stop`.
pub async fn start(config: &Config, clock: Clock, stop: Stop) -> anyhow::Result<Running> {
    // First of all: a port that is taken leaves nothing behind.
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!("cannot listen on {}; another program may do so", config.listen)
    })?;
    folder::make(&config.data)?;
    let db = open_database(config).await?;
    let held = match config.blobs {
        None => Some(folder::hold_blobs(&config.data)?),
        Some(_) => None,
    };
    let store = open_store(config).await?;
    let terms = if config.read_only { Terms::Read } else { Terms::Serve };
    let joined = installation::join(&db, &store, terms, clock()).await;
    joined.with_context(|| apart(config))?;
    adopt(&db, clock(), config.blob_grace, config.read_only).await?;
    let key = installation_key(config, &db).await?;
    let identity = Identity::new(db.clone(), key)
        .reaching(outbound(config)?)
        .with_quotas(config.principal_quotas);
    let root = ensure_root(config, &identity, clock()).await?;
    match config.root {
        // Neither the credentials nor anything else, such as in a backup that is looked at.
        _ if config.read_only => {}
        None => folder::write_credentials(&config.data, &root.id, &root.secret)?,
        // The operator keeps the secret elsewhere; what was made here before is no longer good.
        Some(_) => folder::remove_credentials(&config.data)?,
    }
    let registry = Registry::new(db.clone(), store, clock.clone(), settings(config));

    let address = listener.local_addr()?;
    let (open, dropped, audit_dropped) = (Open::default(), Dropped::default(), Dropped::default());
    let metrics = metrics(&open, &dropped, &audit_dropped)?;
    let jobs = background::JobMetrics::new(metrics.registry())?;
    let access = AccessLog::open(&config.access_log, config.log_format, dropped)?;
    let audit = AuditTrail::open(&config.audit_log, config.audit_limits, audit_dropped)
        .with_context(|| "the audit trail (audit_log) cannot be written")?;
    let app =
        app(config, address.port(), &registry, identity.clone(), metrics.clone(), stop.clone());
    let floor = Floor { rate: config.upload_floor, ..Floor::default() };
    let service =
        Telemetry::new(app, metrics, access, audit, config.trusted_proxies.clone(), floor);
    let listen = Listen { listener, tls: tls(config, &stop)?, limits: limits(config), open };
    folder::write_address(config, address)?;

    let background = match config.read_only {
        false => background::run(registry.clone(), identity.clone(), stop.clone(), jobs),
        true => tokio::spawn(async {}),
    };
    let admin = let_in(config, &registry, &identity, clock, &stop)?;
    let (served, known, read_only) = (registry.clone(), identity.clone(), config.read_only);
    let done = tokio::spawn(async move {
        let cut_off = listen.serve(service, stop).await;
        background.await?;
        admin.await?;
        registry.write_activity().await.map_err(|error| anyhow!(error))?;
        if !read_only {
            identity.write_uses().await?;
        }
        db.close().await;
        drop(held);
        match cut_off {
            0 => Ok(()),
            cut_off => Err(anyhow!("{cut_off} connections were cut off at the end of the grace")),
        }
    });
    Ok(Running { address, root, registry: served, identity: known, done })
}

/// Lets the commands of the operator in, where they cannot open the database beside the server.
fn let_in(
    config: &Config,
    registry: &Registry,
    identity: &Identity,
    clock: Clock,
    stop: &Stop,
) -> anyhow::Result<JoinHandle<()>> {
    if config.database_url.is_some() {
        return Ok(tokio::spawn(async {}));
    }
    let accounts = Accounts {
        identity: identity.clone(),
        registry: registry.clone(),
        clock,
        own: config.account.parse()?,
        read_only: config.read_only,
    };
    Ok(admin::listen(&config.data, accounts, stop.clone()))
}

pub(crate) async fn open_database(config: &Config) -> anyhow::Result<Db> {
    let opened = match &config.database_url {
        Some(url) => Db::postgres(&url.0).await,
        None => Db::sqlite(&config.data.join("wharf.db")).await,
    };
    opened.map_err(|error| {
        let advice = advice(&error, config);
        anyhow::Error::new(error).context(unopened(config) + &advice)
    })
}

/// What to do about files that cannot be opened; empty where the error itself says it.
fn advice(error: &wharf_db::Error, config: &Config) -> String {
    let data = config.data.display();
    match error {
        wharf_db::Error::Io(fault) if fault.kind() == ErrorKind::ReadOnlyFilesystem => {
            format!(": {data} must be on a file system that can be written, for read_only too")
        }
        error if config.database_url.is_none() && error.is_full() => {
            ": the disk is full, and SQLite needs some of it to begin".to_owned()
        }
        error if config.database_url.is_none() && error.is_denied() => {
            let user = rustix::process::getuid().as_raw();
            format!(
                ": {data} and what is in it must belong to the user who runs Wharf (now {user})"
            )
        }
        _ => String::new(),
    }
}

/// What is said before the reason.
pub(crate) fn unopened(config: &Config) -> String {
    format!("cannot open {}", config.database_name())
}

/// Opens what keeps the blobs.
pub async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let Some(bucket) = &config.blobs else {
        return Store::files(&config.data, wharf_blobs::Options::default())
            .with_context(|| format!("cannot open the blobs in {}", config.data.display()));
    };
    let settings = S3Settings {
        bucket: bucket.name.clone(),
        prefix: bucket.prefix.clone(),
        endpoint: bucket.endpoint.clone(),
        public_endpoint: bucket.public_endpoint.clone(),
        region: bucket.region.clone(),
        credentials_file: bucket.credentials_file.clone(),
        path_style: bucket.path_style,
        ca_file: bucket.ca_file.clone(),
        redirect: bucket.redirect,
        spool: config.data.join("spool"),
    };
    Store::s3(settings)
        .await
        .with_context(|| format!("cannot open the blobs in {}", config.blobs_name()))
}

/// Names the two that are not of one installation.
pub(crate) fn apart(config: &Config) -> String {
    let (database, blobs) = (config.database_name(), config.blobs_name());
    format!("the database {database} and the blobs in {blobs} cannot be used together")
}

/// The installation key; a new one only where nothing was sealed with another.
async fn installation_key(config: &Config, db: &Db) -> anyhow::Result<InstallationKey> {
    let is_there = folder::read_installation_key(config)?.is_some();
    if !is_there && wharf_identity::holds_secrets(db).await? {
        bail!(
            "the database holds secrets that are sealed with an installation key, and {} is not \
             there; put the key back, or name its file by secret_key_file",
            config.secret_key_file.display()
        );
    }
    folder::installation_key(config)
}

async fn ensure_root(config: &Config, identity: &Identity, now: i64) -> anyhow::Result<RootKey> {
    let account = config.account.parse()?;
    let given = config
        .root
        .as_ref()
        .map(|root| GivenKey { id: root.id.clone(), secret: root.secret.0.clone() });
    Ok(identity.ensure_root(&account, given, now).await?)
}

/// The way to issuers of tokens.
fn outbound(config: &Config) -> anyhow::Result<Outbound> {
    let roots = match &config.outbound_ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).with_context(|| {
            format!("the certificates in {} (outbound_ca_file) cannot be read", path.display())
        })?),
    };
    let outbound = Outbound::new(config.outbound_allow.clone(), roots.as_deref());
    outbound.context("outbound_ca_file")
}

fn settings(config: &Config) -> Settings {
    Settings {
        grace: config.blob_grace,
        pull_interval: config.pull_time_interval,
        mounting: config.blob_mounting,
        read_only: config.read_only,
        quotas: config.quotas.clone(),
        rates: config.rates.clone(),
        ..Settings::default()
    }
}

fn metrics(
    open: &Open,
    dropped: &Dropped,
    audit_dropped: &Dropped,
) -> anyhow::Result<Arc<Metrics>> {
    let commit = option_env!("WHARF_COMMIT").unwrap_or("unknown");
    let version = env!("CARGO_PKG_VERSION");
    let (open, dropped) = (open.clone(), dropped.clone());
    Ok(Arc::new(Metrics::new(version, commit, open, dropped, audit_dropped.clone())?))
}

fn app(
    config: &Config,
    port: u16,
    registry: &Registry,
    identity: Identity,
    metrics: Arc<Metrics>,
    stop: Stop,
) -> App {
    let audited = config.audit_log != Destination::Off;
    let endpoint =
        Endpoint { scheme: config.scheme().to_owned(), host: config.registry_host(port) };
    let api = Api {
        registry: registry.clone(),
        identity: identity.clone(),
        endpoint: Arc::new(endpoint),
        audited,
        clock_skew: config.clock_skew,
    };
    let scheme = config.scheme().into();
    let distribution = Distribution { registry: registry.clone(), identity, audited, scheme };
    App::new(api, distribution, metrics, stop)
}

fn tls(config: &Config, stop: &Stop) -> anyhow::Result<Option<tokio_rustls::TlsAcceptor>> {
    let Some(files) = &config.tls else { return Ok(None) };
    let certificates = Certificates::load(files.clone())?;
    let acceptor = certificates.acceptor()?;
    tokio::spawn(certificates.follow(stop.clone()));
    Ok(Some(acceptor))
}

fn limits(config: &Config) -> Limits {
    Limits {
        stall: config.stall_timeout,
        connections: connections(config.max_connections),
        grace: config.shutdown_grace.max(Duration::from_millis(1)),
        ..Limits::default()
    }
}

/// Descriptors that are not for connections: the database, open blobs, uploads, logs.
const RESERVED_DESCRIPTORS: u64 = 1_024;

/// As many connections as asked for, if the system lets this process open that many files. Taking
/// more would make everything else fail first.
fn connections(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let Some(files) = getrlimit(Resource::Nofile).current else { return wanted };
    let room = files.saturating_sub(RESERVED_DESCRIPTORS.min(files / 2));
    let allowed = wanted.min(usize::try_from(room).unwrap_or(usize::MAX)).max(1);
    if allowed < wanted {
        tracing::warn!(
            wanted,
            allowed,
            files,
            "the limit of open files allows fewer connections than max_connections; raise it (ulimit -n)"
        );
    }
    allowed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Flags;

    #[test]
    fn files_that_cannot_be_opened_have_advice() {
        let values = vec![("data", "d".to_owned())];
        let settings = crate::config::Settings::gather(&Flags { config: None, values }, []);
        let config = Config::check(settings.unwrap()).unwrap();
        let io = |kind: ErrorKind| wharf_db::Error::Io(kind.into());
        for (error, expected) in [
            (io(ErrorKind::PermissionDenied), "must belong to the user who runs Wharf"),
            (io(ErrorKind::ReadOnlyFilesystem), "file system that can be written"),
            (io(ErrorKind::StorageFull), "the disk is full"),
        ] {
            let advice = advice(&error, &config);
            assert!(advice.contains(expected), "{error}: {advice}");
        }
        assert_eq!(advice(&wharf_db::Error::Locked("d".to_owned()), &config), "");
    }
}
