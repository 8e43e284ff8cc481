//! Where each value comes from: flag before environment before file before default. Values are
//! text here; what they mean is in `config.rs`.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use super::keys::{self, KEYS, Key, Kind};

/// The variable that names the configuration file, as `--config` does.
const CONFIG: &str = "WHARF_CONFIG";

/// What is wrong with the configuration; the message says where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("{place}: there is no key `{name}`; did you mean `{nearest}`?")]
    Unknown {
        /// The file or the environment.
        place: String,
        /// What was written there.
        name: String,
        /// The known key or variable most like it.
        nearest: String,
    },
    /// A variable that Kubernetes sets for a Service.
    #[error(
        "environment: {name} is no key of Wharf; Kubernetes sets it for a Service whose name begins \
         with wharf. Put `enableServiceLinks: false` into the spec of the pod, or give the Service \
         another name"
    )]
    ServiceLink {
        /// The variable.
        name: String,
    },
    /// A value that is not what the key takes.
    #[error("{key} = {value:?} ({set_by}): {problem}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value; `***` for a secret.
        value: String,
        /// Where the value was set.
        set_by: Source,
        /// What is wrong with it.
        problem: String,
    },
    /// Keys that do not go together.
    #[error("{0}")]
    Together(String),
    /// A file that cannot be read or is not TOML.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// Where a value was set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// On the command line.
    Flag,
    /// By an environment variable.
    Environment,
    /// In the configuration file.
    File(PathBuf),
    /// Nowhere.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it was set.
#[derive(Clone, Eq, PartialEq)]
pub struct Setting {
    /// The value as text.
    pub text: String,
    /// Where it was set.
    pub source: Source,
}

/// The flags of the command line: the file and the keys that were given.
#[derive(Clone, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// The keys that were given, by name.
    pub values: Vec<(&'static str, String)>,
}

/// All values that are set. Keys without a value here have their default.
#[derive(Clone, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, Setting>,
}

impl Settings {
    /// Gathers the values. An empty variable counts as not set.
    ///
    /// # Errors
    /// A file that cannot be read, and keys and `WHARF_` variables that do not exist.
    pub fn gather(
        flags: &Flags,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut file = None;
        let mut variables = Vec::new();
        for (name, value) in environment {
            if name.starts_with("WHARF_") && !value.is_empty() {
                match name == CONFIG {
                    true => file = Some(PathBuf::from(value)),
                    false => variables.push((variable(&name, &value)?, value)),
                }
            }
        }
        let mut settings = Self::default();
        if let Some(path) = flags.config.clone().or(file) {
            settings.read(&path)?;
        }
        for (key, value) in variables {
            settings.set(key, value, Source::Environment);
        }
        for (name, value) in &flags.values {
            settings.set(name, value.clone(), Source::Flag);
        }
        Ok(settings)
    }

    /// The value of a key, if one is set.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.values.get(name)
    }

    fn set(&mut self, name: &'static str, text: String, source: Source) {
        self.values.insert(name, Setting { text, source });
    }

    fn read(&mut self, path: &Path) -> Result<(), ConfigError> {
        let fault = |problem: String| ConfigError::File { path: path.to_path_buf(), problem };
        let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| fault(e.to_string()))?;
        for (name, value) in table {
            let key = keys::find(&name).ok_or_else(|| ConfigError::Unknown {
                place: path.display().to_string(),
                nearest: keys::nearest(&name).name.into(),
                name,
            })?;
            let text = plain(&value).ok_or_else(|| {
                fault(format!(
                    "`{}` is to be text, a number, true or false, or an array of text",
                    key.name
                ))
            })?;
            self.set(key.name, text, Source::File(path.to_path_buf()));
        }
        Ok(())
    }

    /// The effective configuration as a TOML file, each value with its source; secrets as `***`.
    pub fn show(&self) -> String {
        let mut page = String::new();
        for key in &KEYS {
            let _ = match self.get(key.name) {
                Some(setting) => {
                    let value = written(key, &setting.text);
                    writeln!(page, "{} = {value} # {}", key.name, setting.source)
                }
                None if key.default.is_empty() => writeln!(page, "# {} is not set", key.name),
                None if key.default.contains('<') => {
                    writeln!(page, "# {} = {} # default", key.name, key.default)
                }
                None => writeln!(page, "{} = {} # default", key.name, written(key, key.default)),
            };
        }
        page
    }
}

fn variable(name: &str, value: &str) -> Result<&'static str, ConfigError> {
    let key = name.trim_start_matches("WHARF_").to_ascii_lowercase();
    match KEYS.iter().find(|known| known.variable() == name) {
        Some(known) => Ok(known.name),
        None if is_service_link(name, value) => Err(ConfigError::ServiceLink { name: name.into() }),
        None => Err(ConfigError::Unknown {
            place: "environment".into(),
            name: name.into(),
            nearest: keys::nearest(&key).variable(),
        }),
    }
}

/// Docker's links, which Kubernetes still makes: `…_SERVICE_HOST`, `…_SERVICE_PORT`, `…_PORT`,
/// `…_PORT_80_TCP`, `…_PORT_80_TCP_ADDR` and more.
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_service_link(name: &str, value: &str) -> bool {
    let is_address = value.starts_with("tcp://") || value.starts_with("udp://");
    let is_part = ["_TCP_", "_UDP_"].iter().any(|part| name.contains(part));
    is_address || is_part || name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
}

/// A TOML value as it would be written on the command line.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(on) => Some(if *on { "on" } else { "off" }.into()),
        toml::Value::Array(items) => {
            let items: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            items.map(|items| items.join(","))
        }
        _ => None,
    }
}

/// A value as it would be written in the file, without secrets.
fn written(key: &Key, text: &str) -> String {
    let value = match key.kind {
        Kind::Secret => toml::Value::String("***".into()),
        Kind::Url => toml::Value::String(without_password(text)),
        Kind::Number => match text.parse() {
            Ok(number) => toml::Value::Integer(number),
            Err(_) => toml::Value::String(text.into()),
        },
        Kind::List => text
            .split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect::<Vec<_>>()
            .into(),
        _ => toml::Value::String(text.into()),
    };
    value.to_string()
}

/// A URL with the password, and every query value, replaced: drivers take passwords there too.
pub(super) fn without_password(url: &str) -> String {
    let (url, query) = url.split_once('?').map_or((url, None), |(u, q)| (u, Some(q)));
    let names = query.iter().flat_map(|query| query.split('&')).map(|pair| pair.split('=').next());
    // Then the question mark is one of the password, and what is around it the rest.
    if names.flatten().any(|name| name.contains('@')) {
        return format!("{}://***", url.split_once("://").map_or("", |(scheme, _)| scheme));
    }
    let mut shown = match (url.split_once("://"), url.rfind('@')) {
        (Some((scheme, rest)), Some(_)) => {
            let (login, host) = rest.rsplit_once('@').unwrap_or(("", rest));
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            let password = if password.is_empty() { "" } else { ":***" };
            format!("{scheme}://{user}{password}@{host}")
        }
        _ => url.to_owned(),
    };
    for (n, pair) in query.iter().flat_map(|query| query.split('&')).enumerate() {
        let name = pair.split('=').next().unwrap_or_default();
        let _ = write!(shown, "{}{name}=***", if n == 0 { '?' } else { '&' });
    }
    shown
}
