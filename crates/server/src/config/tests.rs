//! Order of the sources, every kind of mistake, and that nothing secret is shown.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use super::*;

fn gather(
    flags: &[(&'static str, &str)],
    environment: &[(&str, &str)],
    file: &str,
) -> Result<Config, ConfigError> {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.as_bytes()).unwrap();
    let flags = Flags {
        config: Some(written.path().to_path_buf()),
        values: flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect(),
    };
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::check(Settings::gather(&flags, environment)?)
}

fn problem(environment: &[(&str, &str)], file: &str) -> String {
    gather(&[], environment, file).err().expect("this should be refused").to_string()
}

#[test]
fn defaults_are_valid_and_as_promised() {
    let config = gather(&[], &[("PATH", "/bin"), ("WHARF_REGION", "")], "").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:5080");
    assert_eq!(config.registry_host(5080), "localhost:5080");
    assert_eq!(config.endpoint_url(5080), "http://localhost:5080");
    assert_eq!(config.region, "us-east-1");
    assert_eq!(config.account, "000000000000");
    assert_eq!(config.secret_key_file, PathBuf::from("./wharf-data/installation.key"));
    assert_eq!(config.shutdown_grace, Duration::from_secs(300));
    assert_eq!(config.clock_skew, Duration::from_secs(900));
    assert_eq!(config.blob_grace, Duration::from_secs(86_400));
    assert!(config.blob_mounting && config.root.is_none() && config.tls.is_none());
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let file = "region = \"eu-west-1\"\nmax_connections = 7\nblob_mounting = false\n";
    let environment = [("WHARF_REGION", "eu-west-2"), ("WHARF_ACCOUNT", "111111111111")];
    let config = gather(&[("region", "eu-west-3")], &environment, file).unwrap();
    assert_eq!(config.region, "eu-west-3");
    assert_eq!(config.account, "111111111111");
    assert_eq!(config.max_connections, 7);
    assert!(!config.blob_mounting);
    let shown = config.show();
    assert!(shown.contains("region = \"eu-west-3\" # flag"), "{shown}");
    assert!(shown.contains("account = \"111111111111\" # environment"), "{shown}");
    assert!(shown.contains("max_connections = 7 # /"), "{shown}");
    assert!(shown.contains("clock_skew = \"15m\" # default"), "{shown}");
}

#[test]
fn what_is_shown_is_a_file_that_means_the_same() {
    let file = "trusted_proxies = [\"10.0.0.0/8\", \"fd00::1\"]\nstall_timeout = 90\n";
    let first = gather(&[("access_log", "a \"b\".log")], &[], file).unwrap();
    let second = gather(&[], &[], &first.show()).unwrap();
    assert_eq!(first.trusted_proxies.0, second.trusted_proxies.0);
    assert_eq!(first.access_log, second.access_log);
    assert_eq!(second.stall_timeout, Duration::from_secs(90));
}

/// Variables, the file, and what the message says.
type Mistake<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);

#[test]
fn mistakes_are_refused_and_named() {
    let table: [Mistake; 20] = [
        (&[("WHARF_PORT", "tcp://10.0.0.7:80")], "", &["WHARF_PORT", "enableServiceLinks: false"]),
        (&[("WHARF_PORT_80_TCP_ADDR", "10.0.0.7")], "", &["WHARF_PORT_80_TCP_ADDR", "Kubernetes"]),
        (&[("WHARF_DB_SERVICE_PORT_HTTP", "80")], "", &["WHARF_DB_SERVICE_PORT_HTTP", "Service"]),
        (&[], "lisen = 1", &["lisen", "`listen`"]),
        (&[("WHARF_LISEN", "1")], "", &["WHARF_LISEN", "`WHARF_LISTEN`"]),
        (&[("WHARF_wharf_data", "1")], "", &["WHARF_wharf_data", "`WHARF_DATA`"]),
        (&[], "[tls]\ncert = 1", &["`tls`"]),
        (&[], "region = 1.5", &["`region`", "text"]),
        (&[], "region =", &["TOML"]),
        (&[("WHARF_LISTEN", "5080")], "", &["listen", "5080", "environment", "IP address"]),
        (&[("WHARF_ACCOUNT", "12")], "", &["account", "12 digits"]),
        (&[("WHARF_REGION", "EU West")], "", &["region", "Region"]),
        (&[("WHARF_REGISTRY_HOST", "https://a")], "", &["registry_host", "scheme"]),
        (&[("WHARF_REGISTRY_HOST", "{acount}.a")], "", &["registry_host", "{account}"]),
        (&[("WHARF_PUBLIC_URL", "a.example.com")], "", &["public_url", "https://"]),
        (&[("WHARF_TLS_CERT", "a.pem")], "", &["tls_cert", "tls_key"]),
        (&[("WHARF_ROOT_ACCESS_KEY_ID", "a")], "", &["root_secret_access_key"]),
        (&[("WHARF_CLOCK_SKEW", "soon")], "", &["clock_skew", "24h"]),
        (&[("WHARF_MAX_CONNECTIONS", "0")], "", &["max_connections", "at least 1"]),
        (&[("WHARF_TRUSTED_PROXIES", "10.0.0.0/8,x")], "", &["trusted_proxies", "x is not"]),
    ];
    for (environment, file, expected) in table {
        let message = problem(environment, file);
        for part in expected {
            assert!(message.contains(part), "{message:?} does not say {part:?}");
        }
    }
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"  hunter2\n").unwrap();
    let environment = [
        ("WHARF_ROOT_ACCESS_KEY_ID", "AKIAX"),
        ("WHARF_ROOT_SECRET_ACCESS_KEY_FILE", file.path().to_str().unwrap()),
        ("WHARF_DATABASE_URL", "postgres://me:hunter2@db/wharf?password=hunter2&sslmode=require"),
    ];
    let config = gather(&[], &environment, "").unwrap();
    let root = config.root.clone().unwrap();
    assert_eq!(root.secret.0, "hunter2");
    let shown = format!("{}{root:?}{:?}", config.show(), config.database_url);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("postgres://me:***@db/wharf"), "{shown}");
    for spoilt in ["postgres://me:hunter2?x@db/wharf", "postgres://me:a@b?hunter2@db/w?sslmode=x"] {
        let shown = gather(&[], &[("WHARF_DATABASE_URL", spoilt)], "").unwrap().database_name();
        assert_eq!(shown, "postgres://***");
    }
    let message = problem(&[("WHARF_DATABASE_URL", "mysql://me:hunter2@db/wharf")], "");
    assert!(!message.contains("hunter2"), "{message}");
    let both = [environment[0], environment[1], ("WHARF_ROOT_SECRET_ACCESS_KEY", "x")];
    assert!(problem(&both, "").contains("set one"));
}

#[test]
fn the_scheme_is_what_clients_see() {
    let tls = [("WHARF_TLS_CERT", "a"), ("WHARF_TLS_KEY", "b")];
    let public = [("WHARF_PUBLIC_URL", "https://r.example.com")];
    for (environment, scheme, url) in [
        (&[][..], "http", "http://localhost:1"),
        (&tls[..], "https", "https://localhost:1"),
        (&public[..], "https", "https://r.example.com"),
    ] {
        let config = gather(&[], environment, "").unwrap();
        assert_eq!(config.scheme(), scheme);
        assert_eq!(config.endpoint_url(1), url);
    }
}
