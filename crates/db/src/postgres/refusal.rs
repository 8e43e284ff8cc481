//! Why there is no connection, or no schema, in words that say what to do. PostgreSQL's own words
//! may be in any language, so they are judged by their codes, and only repeated.

use std::io::ErrorKind;

use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgSslMode};

use crate::Error;

/// For who could not connect. The error keeps its class: what is lost stays lost.
pub(super) fn of_connection(error: sqlx::Error, options: &PgConnectOptions) -> Error {
    let advice = match &error {
        sqlx::Error::Database(fault) => of_server(fault.downcast_ref::<PgDatabaseError>(), options),
        sqlx::Error::Io(fault) => of_way(fault, options),
        sqlx::Error::Tls(fault) => of_tls(&fault.to_string(), options),
        sqlx::Error::Protocol(said) => format!(
            "is not what answers at {}: check host and port in database_url ({said})",
            place(options)
        ),
        other => format!("at {} cannot be used: {other}", place(options)),
    };
    Error::Connect { advice, cause: error }
}

/// For who connected and could not make the tables.
pub(super) fn of_schema(error: Error, options: &PgConnectOptions) -> Error {
    let Error::Sql(sqlx::Error::Database(fault)) = &error else { return error };
    // Not allowed in the schema (42501), or no schema at all (3F000).
    if !matches!(fault.code().as_deref(), Some("42501" | "3F000")) {
        return error;
    }
    let (user, database) = (name(options.get_username()), name(database(options)));
    Error::Server(format!(
        "does not let the user {user} make tables in {database}: ALTER DATABASE {database} OWNER TO \
         {user}, or GRANT CREATE, USAGE ON SCHEMA public TO {user} ({})",
        fault.message()
    ))
}

/// Where PostgreSQL was looked for.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let port = options.get_port();
    match options.get_socket() {
        Some(folder) => folder.join(format!(".s.PGSQL.{port}")).display().to_string(),
        None => format!("{}:{port}", options.get_host()),
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_server(fault: &PgDatabaseError, options: &PgConnectOptions) -> String {
    let place = place(options);
    let (plain_user, plain_database) = (options.get_username(), database(options));
    let (user, database) = (name(plain_user), name(plain_database));
    let advice = match (fault.code(), fault.routine()) {
        ("28P01", _) => format!(
            "at {place} does not take the password of the user {user}: check it in database_url, \
             where {}",
            super::url::ENCODED
        ),
        ("28000", Some("InitializeSessionUserId")) => format!(
            "at {place} has no user {user} who may log in: createuser --pwprompt {plain_user}, or \
             name another in database_url"
        ),
        ("28000", _) => format!(
            "at {place} has no line in pg_hba.conf that lets the user {user} into {database} from \
             here{}",
            match options.get_ssl_mode() {
                PgSslMode::Disable | PgSslMode::Prefer =>
                    "; it may ask for TLS (sslmode=verify-full in database_url)",
                _ => "",
            }
        ),
        ("3D000", _) => format!(
            "at {place} has no database {database}: createdb --encoding=UTF8 --owner={plain_user} \
             {plain_database}, or name another in database_url"
        ),
        ("42501", _) => format!(
            "at {place} does not let the user {user} into {database}: GRANT CONNECT ON DATABASE \
             {database} TO {user}"
        ),
        ("53300", _) => format!(
            "at {place} has no connection left: raise max_connections there, or lower \
             pool_max_conns in database_url for each replica"
        ),
        // PgBouncer's own, about what it does not pass on.
        ("08P01", _) if fault.message().contains("startup parameter") => format!(
            "at {place} is behind a pooler that refuses what Wharf sets: let it ignore that \
             (ignore_startup_parameters = extra_float_digits,options for PgBouncer)"
        ),
        ("57P03", _) => format!("at {place} is just starting or stopping: try again"),
        _ => format!("at {place} refuses"),
    };
    format!("{advice} ({})", fault.message())
}

fn of_way(fault: &std::io::Error, options: &PgConnectOptions) -> String {
    let place = place(options);
    let host = options.get_host();
    // The kind of what the resolver says has no name.
    if fault.to_string().contains("lookup address") {
        return format!("cannot be found: no host {host}; check it in database_url ({fault})");
    }
    let advice = match fault.kind() {
        ErrorKind::ConnectionRefused => {
            "is not there, or not for others than its own machine (listen_addresses); check host \
             and port in database_url"
        }
        ErrorKind::NotFound => "is not there: PostgreSQL does not run, or has its socket elsewhere",
        ErrorKind::PermissionDenied => "may not be used by this user",
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            "hung up; is it PostgreSQL, and does a proxy before it reach it?"
        }
        _ => "cannot be reached; check host and port in database_url",
    };
    format!("at {place} {advice} ({fault})")
}

fn of_tls(said: &str, options: &PgConnectOptions) -> String {
    let place = place(options);
    match said.contains("does not support TLS") {
        true => format!(
            "at {place} has no TLS, which sslmode asks for: switch it on there (ssl = on); where \
             nobody else is on the way, sslmode=disable does without ({said})"
        ),
        false => format!(
            "at {place} has a certificate that is not trusted: sslrootcert in database_url names \
             the file of the authority that signed it, and the host must be one of its names \
             ({said})"
        ),
    }
}

/// Without a name it is the one called like the user.
fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or_else(|| options.get_username())
}

/// As SQL wants to have a name.
fn name(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    match name.bytes().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit()) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}
