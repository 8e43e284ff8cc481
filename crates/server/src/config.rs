//! The configuration of one process: every key parsed and checked before anything starts. The
//! table of keys is `config/keys.rs`, where values come from `config/settings.rs`.

pub mod keys;
mod limits;
mod settings;

use std::fmt::Display;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wharf_identity::outbound::Allowed;
use wharf_policy::Action;
use wharf_registry::quota::Quotas;

use crate::forwarded::Trusted;
use crate::telemetry::access::Destination;
use crate::telemetry::audit;
use crate::telemetry::logs::{self, LogFormat, Secret};
pub use settings::{ConfigError, Flags, Setting, Settings, Source};

/// The configuration, checked. Fields are documented by their keys in `config/keys.rs`.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub registry_host: Option<String>,
    pub public_url: Option<String>,
    pub region: String,
    pub account: String,
    pub database_url: Option<Secret>,
    pub blobs: Option<Bucket>,
    pub root: Option<RootKey>,
    pub secret_key_file: PathBuf,
    pub secret_key: Option<KeySource>,
    pub tls: Option<TlsFiles>,
    pub log_format: LogFormat,
    pub log_level: String,
    pub access_log: Destination,
    pub audit_log: Destination,
    pub audit_limits: audit::Limits,
    pub trusted_proxies: Trusted,
    pub outbound_allow: Allowed,
    pub outbound_ca_file: Option<PathBuf>,
    pub max_connections: usize,
    pub stall_timeout: Duration,
    pub upload_floor: u64,
    pub shutdown_grace: Duration,
    pub clock_skew: Duration,
    pub blob_grace: Duration,
    pub pull_time_interval: Duration,
    pub blob_mounting: bool,
    pub read_only: bool,
    pub quotas: Quotas,
    pub principal_quotas: wharf_identity::limit::Quotas,
    pub rates: Vec<(Action, NonZeroU32)>,
    settings: Settings,
}

/// Root credentials that the operator chose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RootKey {
    /// The access key id.
    pub id: String,
    /// The secret access key.
    pub secret: Secret,
}

/// What gives the installation key, if no file does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// The key itself.
    Given(Secret),
    /// What this command prints.
    Command(String),
}

/// Where blobs are, if not in the data folder.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub struct Bucket {
    pub name: String,
    /// What the names of all objects begin with; without slashes at its ends, maybe empty.
    pub prefix: String,
    pub endpoint: Option<String>,
    pub public_endpoint: Option<String>,
    pub region: Option<String>,
    pub credentials_file: Option<PathBuf>,
    pub path_style: Option<bool>,
    pub ca_file: Option<PathBuf>,
    pub redirect: bool,
}

impl Bucket {
    /// Whether both name the same objects, by whatever credentials.
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place =
            |bucket: &Self| (bucket.endpoint.clone(), bucket.name.clone(), bucket.prefix.clone());
        place(self) == place(other)
    }
}

/// The files that TLS is served from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

impl Config {
    /// Reads flags, environment and file of this process.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn read(flags: &Flags) -> Result<Self, ConfigError> {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        Self::check(Settings::gather(flags, environment)?)
    }

    /// The configuration that a path names, and nothing else: a file, or a data folder with the
    /// defaults for the rest.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn at(path: &Path) -> Result<Self, ConfigError> {
        let flags = match path.is_file() {
            true => Flags { config: Some(path.to_path_buf()), values: Vec::new() },
            false => {
                let data = path.to_string_lossy().into_owned();
                Flags { config: None, values: vec![("data", data)] }
            }
        };
        Self::check(Settings::gather(&flags, [])?)
    }

    /// Checks gathered settings.
    ///
    /// # Errors
    /// The first value that is wrong, or keys that do not go together.
    pub fn check(settings: Settings) -> Result<Self, ConfigError> {
        let s = Reader(&settings);
        let data: PathBuf = s.text("data").into();
        Ok(Self {
            listen: s.parsed("listen", "an IP address and a port such as 127.0.0.1:5080")?,
            registry_host: s.checked("registry_host", check_host)?,
            public_url: s.checked("public_url", check_url)?,
            region: s.checked("region", check_region)?.unwrap_or_default(),
            account: s.checked("account", check_account)?.unwrap_or_default(),
            database_url: s.checked("database_url", check_database)?.map(Secret),
            blobs: s.bucket()?,
            root: s.root()?,
            secret_key_file: s
                .set("secret_key_file")
                .map_or_else(|| data.join("installation.key"), PathBuf::from),
            secret_key: s.secret_key()?,
            tls: s.tls()?,
            log_format: s.log_format()?,
            log_level: s.checked("log_level", check_level)?.unwrap_or_default(),
            access_log: s.access_log(),
            audit_log: s.audit_log(&data),
            audit_limits: s.audit_limits()?,
            trusted_proxies: s.trusted_proxies()?,
            outbound_allow: s.outbound_allow()?,
            outbound_ca_file: s.set("outbound_ca_file").map(PathBuf::from),
            max_connections: s.at_least_one("max_connections")?,
            stall_timeout: s.duration("stall_timeout")?,
            upload_floor: s.parsed("upload_floor", "a whole number of bytes")?,
            shutdown_grace: s.duration("shutdown_grace")?,
            clock_skew: s.duration("clock_skew")?,
            blob_grace: s.duration("blob_grace")?,
            pull_time_interval: s.duration("pull_time_interval")?,
            blob_mounting: s.switch("blob_mounting")?,
            read_only: s.switch("read_only")?,
            quotas: s.quotas()?,
            principal_quotas: s.principal_quotas()?,
            rates: s.rates()?,
            data,
            settings,
        })
    }

    /// The effective configuration as a TOML file with the source of each value, without secrets.
    pub fn show(&self) -> String {
        self.settings.show()
    }

    /// What the key was set to, and where; None where it has its default.
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.get(key)
    }

    /// Whether the key was set, by whatever means, and does not just have its default.
    pub fn is_set(&self, key: &str) -> bool {
        self.settings.get(key).is_some()
    }

    /// What messages call the database: its URL without the password, or its file.
    pub fn database_name(&self) -> String {
        match &self.database_url {
            Some(url) => settings::without_password(&url.0),
            None => self.data.join("wharf.db").display().to_string(),
        }
    }

    /// What messages call the place of the blobs: bucket and prefix, or the data folder.
    pub fn blobs_name(&self) -> String {
        match &self.blobs {
            Some(bucket) => format!("s3://{}/{}", bucket.name, bucket.prefix),
            None => self.data.display().to_string(),
        }
    }

    /// What messages call the place of the installation key.
    pub fn secret_key_name(&self) -> String {
        match &self.secret_key {
            Some(KeySource::Given(_)) => "secret_key".to_owned(),
            Some(KeySource::Command(_)) => "what secret_key_command prints".to_owned(),
            None => self.secret_key_file.display().to_string(),
        }
    }

    /// `https` when the port speaks TLS or clients are told so, else `http`. A request that a
    /// trusted proxy received over HTTPS has its own answer in `Source::https`.
    pub fn scheme(&self) -> &'static str {
        let public = self.public_url.as_deref();
        let https = match public {
            Some(url) => url.starts_with("https://"),
            None => self.tls.is_some(),
        };
        if https { "https" } else { "http" }
    }

    /// The registry host with `{account}` and `{region}` still in it; `port` is the bound one.
    pub fn registry_host(&self, port: u16) -> String {
        let host = self.registry_host.clone();
        host.unwrap_or_else(|| format!("localhost:{port}"))
    }

    /// The URL that `AWS_ENDPOINT_URL` is to have; `port` is the bound one.
    pub fn endpoint_url(&self, port: u16) -> String {
        let url = self.public_url.clone();
        url.unwrap_or_else(|| format!("{}://localhost:{port}", self.scheme()))
    }
}

/// Takes values out of the settings; errors name the key and where it was set.
struct Reader<'a>(&'a Settings);

impl Reader<'_> {
    /// The value that was set.
    fn set(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|setting| setting.text.as_str())
    }

    /// The value that was set, or the default; empty for none.
    fn text(&self, name: &str) -> &str {
        let default = keys::find(name).map_or("", |key| key.default);
        let default = if default.contains('<') { "" } else { default };
        self.set(name).unwrap_or(default)
    }

    fn fault(&self, name: &str, problem: impl Display) -> ConfigError {
        let key = keys::find(name).unwrap_or(&keys::KEYS[0]);
        let value = match key.kind {
            keys::Kind::Secret => "***".into(),
            keys::Kind::Url => settings::without_password(self.text(name)),
            _ => self.text(name).to_owned(),
        };
        let set_by = self.0.get(name).map(|setting| setting.source.clone());
        ConfigError::Value {
            key: key.name,
            value,
            set_by: set_by.unwrap_or(Source::Default),
            problem: problem.to_string(),
        }
    }

    fn checked(
        &self,
        name: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Option<String>, ConfigError> {
        match self.text(name) {
            "" => Ok(None),
            text => match check(text) {
                Ok(()) => Ok(Some(text.to_owned())),
                Err(problem) => Err(self.fault(name, problem)),
            },
        }
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str, wanted: &str) -> Result<T, ConfigError> {
        let parsed = self.text(name).parse();
        parsed.map_err(|_| self.fault(name, format!("this is not {wanted}")))
    }

    fn at_least_one(&self, name: &str) -> Result<usize, ConfigError> {
        match self.parsed(name, "a whole number")? {
            0 => Err(self.fault(name, "this must be at least 1")),
            n => Ok(n),
        }
    }

    fn switch(&self, name: &str) -> Result<bool, ConfigError> {
        match self.text(name) {
            "on" | "true" => Ok(true),
            "off" | "false" => Ok(false),
            _ => Err(self.fault(name, "this must be on or off")),
        }
    }

    fn duration(&self, name: &str) -> Result<Duration, ConfigError> {
        let text = self.text(name);
        let (digits, unit) = text.split_at(text.trim_end_matches(char::is_alphabetic).len());
        let seconds = match unit {
            "" | "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3600),
            "d" => Some(86_400),
            _ => None,
        };
        let number: Option<u64> = digits.parse().ok();
        let whole = seconds.zip(number).and_then(|(s, n)| n.checked_mul(s));
        // A century is far beyond any use, and far below what the clock can add.
        match whole.filter(|&s| s <= 100 * 366 * 86_400) {
            Some(seconds) => Ok(Duration::from_secs(seconds)),
            None => Err(self.fault(name, "this is not a time such as 300, 300s, 10m, 24h or 7d")),
        }
    }

    fn bucket(&self) -> Result<Option<Bucket>, ConfigError> {
        let Some(url) = self.set("blobs") else { return self.no_bucket() };
        let wrong = || self.fault("blobs", "this is not an S3 URL such as s3://bucket/prefix");
        let (name, prefix) = {
            let rest = url.strip_prefix("s3://").ok_or_else(wrong)?;
            rest.split_once('/').unwrap_or((rest, ""))
        };
        if !is_bucket_name(name) || prefix.split('/').any(|part| matches!(part, "." | "..")) {
            return Err(wrong());
        }
        let path_style = self.set("blobs_path_style").map(|_| self.switch("blobs_path_style"));
        Ok(Some(Bucket {
            name: name.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            endpoint: self.checked("blobs_endpoint", check_url)?,
            public_endpoint: self.checked("blobs_public_endpoint", check_url)?,
            region: self.checked("blobs_region", check_region)?,
            credentials_file: self.set("blobs_credentials_file").map(PathBuf::from),
            path_style: path_style.transpose()?,
            ca_file: self.set("blobs_ca_file").map(PathBuf::from),
            redirect: self.switch("blobs_redirect")?,
        }))
    }

    /// Settings of a bucket without a bucket would silently do nothing.
    fn no_bucket(&self) -> Result<Option<Bucket>, ConfigError> {
        let is_changed = |key: &&keys::Key| {
            key.name.starts_with("blobs_")
                && self.set(key.name).is_some_and(|value| value != key.default)
        };
        let set = keys::KEYS.iter().find(is_changed);
        match set {
            None => Ok(None),
            Some(key) => Err(ConfigError::Together(format!(
                "{} is set, but blobs is not; name the bucket, such as blobs = \"s3://bucket/prefix\"",
                key.name
            ))),
        }
    }

    fn root(&self) -> Result<Option<RootKey>, ConfigError> {
        let secret =
            match (self.set("root_secret_access_key"), self.set("root_secret_access_key_file")) {
                (Some(_), Some(_)) => {
                    return Err(ConfigError::Together(
                    "root_secret_access_key and root_secret_access_key_file are both set; set one"
                        .into(),
                ));
                }
                (Some(secret), None) => Some(secret.to_owned()),
                (None, Some(path)) => Some(secret_file(path)?),
                (None, None) => None,
            };
        match (self.set("root_access_key_id"), secret) {
            (None, None) => Ok(None),
            (Some(id), Some(secret)) => {
                Ok(Some(RootKey { id: id.to_owned(), secret: Secret(secret) }))
            }
            _ => Err(ConfigError::Together(
                "root_access_key_id and root_secret_access_key (or root_secret_access_key_file) \
                 are to be set together"
                    .into(),
            )),
        }
    }

    fn tls(&self) -> Result<Option<TlsFiles>, ConfigError> {
        match (self.set("tls_cert"), self.set("tls_key")) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert: cert.into(), key: key.into() })),
            _ => Err(ConfigError::Together("tls_cert and tls_key are to be set together".into())),
        }
    }

    fn log_format(&self) -> Result<LogFormat, ConfigError> {
        match self.text("log_format") {
            "" => Ok(LogFormat::fitting()),
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(self.fault("log_format", "this must be text or json")),
        }
    }

    /// One of three ways is enough; two could disagree.
    fn secret_key(&self) -> Result<Option<KeySource>, ConfigError> {
        let (given, command) = (self.set("secret_key"), self.set("secret_key_command"));
        let file = self.set("secret_key_file");
        match (given, command, file) {
            (Some(key), None, None) => Ok(Some(KeySource::Given(Secret(key.to_owned())))),
            (None, Some(command), None) => Ok(Some(KeySource::Command(command.to_owned()))),
            (None, None, _) => Ok(None),
            (Some(_), ..) => Err(self.fault("secret_key", "another key says where it is")),
            (None, Some(_), Some(_)) => {
                Err(self.fault("secret_key_command", "secret_key_file says where it is"))
            }
        }
    }

    fn access_log(&self) -> Destination {
        match self.text("access_log") {
            "stdout" => Destination::Stdout,
            "stderr" => Destination::Stderr,
            "off" => Destination::Off,
            path => Destination::File(path.into()),
        }
    }

    fn audit_log(&self, data: &Path) -> Destination {
        match self.set("audit_log") {
            None => Destination::File(data.join("audit").join("audit.jsonl")),
            Some("stdout") => Destination::Stdout,
            Some("off") => Destination::Off,
            Some(path) => Destination::File(path.into()),
        }
    }

    fn audit_limits(&self) -> Result<audit::Limits, ConfigError> {
        let size = self.at_least_one("audit_log_size")? as u64;
        let keep = self.parsed("audit_log_keep", "a whole number of files")?;
        Ok(audit::Limits { size: size.saturating_mul(1 << 20), keep })
    }

    fn outbound_allow(&self) -> Result<Allowed, ConfigError> {
        let allowed = self.text("outbound_allow").parse();
        allowed.map_err(|problem: String| self.fault("outbound_allow", problem))
    }

    fn trusted_proxies(&self) -> Result<Trusted, ConfigError> {
        let items = self.text("trusted_proxies").split(',').map(str::trim);
        let nets = items.filter(|item| !item.is_empty()).map(|item| {
            let address = || item.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
            item.parse::<ipnet::IpNet>().or_else(|_| address()).map_err(|_| {
                self.fault("trusted_proxies", format!("{item} is not a network such as 10.0.0.0/8"))
            })
        });
        nets.collect::<Result<_, _>>().map(Trusted)
    }
}

fn secret_file(path: &str) -> Result<String, ConfigError> {
    let fault = |problem: String| ConfigError::File { path: path.into(), problem };
    let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
    match text.trim() {
        "" => Err(fault("the secret in this file is empty".into())),
        secret => Ok(secret.to_owned()),
    }
}

fn check_host(host: &str) -> Result<(), String> {
    let filled = host.replace("{account}", "0").replace("{region}", "r");
    let parsed: Result<http::uri::Authority, _> = filled.parse();
    match parsed {
        _ if host.contains("://") || host.contains('/') => {
            Err("this is to be a host, and a port if needed, without scheme and path".into())
        }
        Ok(authority) if !authority.as_str().contains('@') => Ok(()),
        _ => Err("this is not a host; {account} and {region} are the only placeholders".into()),
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let parsed: Result<http::Uri, _> = url.parse();
    let good = parsed.is_ok_and(|uri| {
        let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        scheme && uri.path() == "/" && uri.query().is_none() && !url.ends_with('/')
    });
    match good {
        true => Ok(()),
        false => Err("this is not a URL such as https://registry.example.com, without path".into()),
    }
}

fn check_region(region: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match region.chars().all(plain) && !region.starts_with('-') && !region.ends_with('-') {
        true => Ok(()),
        false => Err("this is not a Region such as us-east-1".into()),
    }
}

fn check_account(account: &str) -> Result<(), String> {
    match account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(()),
        false => Err("an account has 12 digits".into()),
    }
}

fn check_database(url: &str) -> Result<(), String> {
    match url.starts_with("postgres://") || url.starts_with("postgresql://") {
        true => Ok(()),
        false => {
            Err("this is not a postgres:// URL; without one, SQLite in the data folder is used"
                .into())
        }
    }
}

/// Amazon's rule for the names of buckets.
fn is_bucket_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (3..=63).contains(&name.len()) && name.bytes().all(plain)
}

fn check_level(level: &str) -> Result<(), String> {
    logs::check(level).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
