//! The URL of the database: what it may say, and the connection options that come of it. A
//! parameter that is not known is refused rather than passed over, and no value is ever shown.

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::Error;

/// Connections of one replica, unless the URL says otherwise. PostgreSQL allows 100 in all by
/// default.
const CONNECTIONS: u32 = 16;

/// One for a transaction and one for a read beside it, at least.
const ALLOWED: std::ops::RangeInclusive<u32> = 2..=1000;

/// How many connections there may be in the pool; the name is pgx's.
const POOL: &str = "pool_max_conns";

/// What PostgreSQL's own clients call these parameters, as far as they mean the same here.
const KNOWN: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// What is to be known of user names and passwords in URLs.
pub(super) const ENCODED: &str =
    "/ @ # ? : % in a user name or password are written %2F %40 %23 %3F %3A %25";

/// Where PostgreSQL is, and how many connections to it there may be.
pub(super) struct Target {
    pub(super) options: PgConnectOptions,
    pub(super) connections: u32,
}

/// Reads `postgres://user:password@host:port/name?parameter=value`.
///
/// Fails on another scheme, on parameters that are not known, and on values that they cannot have.
pub(super) fn parse(text: &str) -> Result<Target, Error> {
    let mut url =
        Url::parse(text).map_err(|error| Error::Url(format!("is no URL: {error}; {ENCODED}")))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(Error::Url("does not begin with postgres://".to_owned()));
    }
    // Behind a / or # in a password the rest of it would be a path, and its beginning a port.
    if url.path().contains('@') || url.fragment().is_some() {
        return Err(Error::Url(format!("has an @ or # behind the host: {ENCODED}")));
    }
    let mut connections = CONNECTIONS;
    let mut rest = Vec::new();
    for (key, value) in url.query_pairs() {
        match &*key {
            POOL => connections = pool_size(&value)?,
            "sslmode" => rest.push((key.to_string(), ssl_mode(&value)?.to_owned())),
            known if KNOWN.contains(&known) => rest.push((key.to_string(), value.to_string())),
            unknown if unknown.contains(['@', '/']) => {
                return Err(Error::Url(format!("has a parameter that is none: {ENCODED}")));
            }
            unknown => {
                let known = KNOWN.join(", ");
                return Err(Error::Url(format!(
                    "has the parameter {unknown}, which is none of {known}, {POOL}"
                )));
            }
        }
    }
    let named = rest.iter().any(|(key, _)| key == "application_name");
    url.query_pairs_mut().clear().extend_pairs(rest);
    let options = PgConnectOptions::from_url(&url)
        .map_err(|error| Error::Url(format!("cannot be read: {error}; {ENCODED}")))?;
    let options = if named { options } else { options.application_name("wharf") };
    Ok(Target { options, connections })
}

fn pool_size(value: &str) -> Result<u32, Error> {
    let size = value.parse().ok().filter(|size| ALLOWED.contains(size));
    size.ok_or_else(|| {
        Error::Url(format!("has a {POOL} that is not {} to {}", ALLOWED.start(), ALLOWED.end()))
    })
}

/// Two modes mean less than they say, because of what the library makes of them.
fn ssl_mode(value: &str) -> Result<&str, Error> {
    match value {
        "disable" | "prefer" | "require" | "verify-full" => Ok(value),
        "verify-ca" => Err(Error::Url(
            "has sslmode=verify-ca, under which the certificate of any host by any public \
             authority would do: use verify-full"
                .to_owned(),
        )),
        "allow" => Err(Error::Url(
            "has sslmode=allow, which would never encrypt: use disable, prefer, require or \
             verify-full"
                .to_owned(),
        )),
        _ => Err(Error::Url(
            "has an sslmode that is none of disable, prefer, require, verify-full".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refusal(url: &str) -> String {
        parse(url).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_the_url_says_is_taken() {
        let target = parse("postgres://me:secret@db.example:5433/wharf?pool_max_conns=40").unwrap();
        assert_eq!(target.connections, 40);
        assert_eq!(target.options.get_host(), "db.example");
        assert_eq!(target.options.get_port(), 5433);
        assert_eq!(target.options.get_username(), "me");
        assert_eq!(target.options.get_database(), Some("wharf"));
        assert_eq!(target.options.get_application_name(), Some("wharf"));
        let target = parse("postgresql:///x?host=/run/pg&application_name=mine").unwrap();
        assert_eq!(target.connections, CONNECTIONS);
        assert_eq!(target.options.get_socket().unwrap().to_str(), Some("/run/pg"));
        assert_eq!(target.options.get_application_name(), Some("mine"));
    }

    #[test]
    fn what_cannot_be_is_refused_without_showing_values() {
        let table = [
            ("mysql://h/x", "postgres://"),
            ("postgres//x", "is no URL"),
            ("postgres://u:hunter2/x@h/x", "%2F"),
            ("postgres://u:1/hunter2@h/x", "%2F"),
            ("postgres://u:1#hunter2@h/x", "%23"),
            ("postgres://u:1?hunter2@h/x", "%3F"),
            ("postgres://u:%ffhunter2@h/x", "cannot be read"),
            ("postgres://h/x?pool_max_conns=1", "2 to 1000"),
            ("postgres://h/x?pool_max_conns=many", "2 to 1000"),
            ("postgres://h/x?sslmode=verify-ca", "verify-full"),
            ("postgres://h/x?sslmode=allow", "never encrypt"),
            ("postgres://h/x?sslmode=hunter2", "none of disable"),
            ("postgres://h/x?sslmod=hunter2", "parameter sslmod"),
            ("postgres://u:hunter2@h/x?statement-cache-capacity=0", "statement-cache-capacity"),
        ];
        for (url, told) in table {
            let refusal = refusal(url);
            assert!(refusal.contains(told), "{url}: {refusal}");
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }
}
