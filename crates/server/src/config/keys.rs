//! The table of all configuration keys. The command line, the environment, the file, the help,
//! `wharf config` and the reference page of the manual are all made from it.

use std::fmt::Write as _;

/// One configuration key.
pub struct Key {
    /// The name in the file; flag and variable follow from it.
    pub name: &'static str,
    /// What values look like.
    pub kind: Kind,
    /// The value when nothing is set, as one would write it; empty for none.
    pub default: &'static str,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
}

/// What the value of a key looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path.
    Path,
    /// A URL; a password in it is not shown.
    Url,
    /// A whole number.
    Number,
    /// `on` or `off`.
    Switch,
    /// A number with the unit s, m, h or d; without a unit, seconds.
    Duration,
    /// Values separated by commas; in the file, an array.
    List,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Never shown, and not to be given as a flag: other users can read command lines.
    Secret,
}

impl Key {
    /// The environment variable, `WHARF_LISTEN`.
    pub fn variable(&self) -> String {
        format!("WHARF_{}", self.name.to_ascii_uppercase())
    }

    /// The flag without its dashes, `registry-host`.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The heading it stands under in help texts.
    pub fn heading(&self) -> &'static str {
        match self.name {
            "data" | "listen" | "registry_host" | "public_url" => "Where it is",
            "region" | "account" | "root_access_key_id" | "root_secret_access_key_file" => {
                "Who its root is"
            }
            "blobs" => "Blobs in S3",
            name if name.starts_with("blobs_") => "Blobs in S3",
            "database_url" | "secret_key_file" | "secret_key" | "secret_key_command"
            | "blob_grace" | "pull_time_interval" | "blob_mounting" | "read_only" => {
                "What it keeps"
            }
            "tls_cert" | "tls_key" | "trusted_proxies" | "outbound_allow" | "outbound_ca_file" => {
                "HTTPS and proxies"
            }
            "log_format" | "log_level" | "access_log" | "audit_log" | "audit_log_size"
            | "audit_log_keep" => "Logs",
            _ => "Limits",
        }
    }

    /// What stands for the value in help texts.
    pub fn placeholder(&self) -> String {
        match self.kind {
            Kind::Text | Kind::Secret => match self.name {
                "listen" => "ADDRESS:PORT".into(),
                "registry_host" => "HOST".into(),
                "blobs" => "s3://BUCKET/PREFIX".into(),
                "region" | "blobs_region" => "REGION".into(),
                "account" => "ID".into(),
                _ => "TEXT".into(),
            },
            Kind::Path => "PATH".into(),
            Kind::Url => "URL".into(),
            Kind::Number => "N".into(),
            Kind::Switch => "on|off".into(),
            Kind::Duration => "TIME".into(),
            Kind::List => "A,B".into(),
            Kind::Choice(choices) => choices.join("|"),
        }
    }
}

/// The key with this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key whose name is most like `name`, for the message about a key that does not exist.
pub fn nearest(name: &str) -> &'static Key {
    let distance = |key: &&Key| strsim::damerau_levenshtein(key.name, name);
    KEYS.iter().min_by_key(distance).unwrap_or(&KEYS[0])
}

/// The reference of all keys as a Markdown table.
pub fn reference() -> String {
    let mut page =
        String::from("| key | flag | variable | default | meaning |\n|---|---|---|---|---|\n");
    for key in &KEYS {
        let flag = match key.kind {
            Kind::Secret => "–".into(),
            _ => format!("`--{} {}`", key.flag(), key.placeholder().replace('|', "\\|")),
        };
        let default = match key.default {
            "" => "–".into(),
            default => format!("`{default}`"),
        };
        let (name, variable, doc) = (key.name, key.variable(), key.doc);
        let _ = writeln!(page, "| `{name}` | {flag} | `{variable}` | {default} | {doc} |");
    }
    page
}

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

/// All keys, in the order in which they are shown.
pub static KEYS: [Key; 52] = [
    key(
        "data",
        Kind::Path,
        "./wharf-data",
        "The folder that holds blobs, the embedded database, keys and the root credentials.",
    ),
    key(
        "listen",
        Kind::Text,
        "127.0.0.1:5080",
        "The IP address and port to listen on; port 0 takes a free one.",
    ),
    key(
        "registry_host",
        Kind::Text,
        "localhost:<port>",
        "The host, and port if it is not the scheme's own, that repositoryUri and proxyEndpoint \
         name, such as registry.example.com; {account} and {region} are filled in.",
    ),
    key(
        "public_url",
        Kind::Url,
        "",
        "The URL under which clients reach the API, such as https://registry.example.com. Without \
         it, localhost with the port. When it begins with https, proxyEndpoint does too.",
    ),
    key(
        "region",
        Kind::Text,
        "us-east-1",
        "The Region of the root credentials and of `wharf env`.",
    ),
    key(
        "account",
        Kind::Text,
        "000000000000",
        "The account that the root credentials belong to; 12 digits.",
    ),
    key(
        "database_url",
        Kind::Url,
        "",
        "postgres://user:password@host/name. Without it, SQLite in the data folder.",
    ),
    key(
        "blobs",
        Kind::Text,
        "",
        "s3://bucket/prefix: keeps blobs there. Without it, files in the data folder.",
    ),
    key(
        "blobs_endpoint",
        Kind::Url,
        "",
        "The URL of the S3 server. Without it, AWS_ENDPOINT_URL_S3, or else Amazon's of the Region.",
    ),
    key(
        "blobs_public_endpoint",
        Kind::Url,
        "",
        "The URL under which clients reach the S3 server, if it is not blobs_endpoint; pulls are \
         sent there.",
    ),
    key(
        "blobs_region",
        Kind::Text,
        "",
        "The Region of the bucket. Without it, AWS_REGION, or else us-east-1.",
    ),
    key(
        "blobs_credentials_file",
        Kind::Path,
        "",
        "A file like ~/.aws/credentials for the bucket (profile AWS_PROFILE, else default); read again \
         when it changes. Without it, credentials come the usual AWS way: environment, shared \
         credentials file, web identity, container or instance role.",
    ),
    key(
        "blobs_path_style",
        Kind::Switch,
        "<on with blobs_endpoint, else off>",
        "Whether the bucket is named in the path instead of the host.",
    ),
    key(
        "blobs_ca_file",
        Kind::Path,
        "",
        "Certificate authorities, PEM, that the S3 server's certificate is also checked against.",
    ),
    key(
        "blobs_redirect",
        Kind::Switch,
        "on",
        "Whether pulls of layers are sent to the S3 server by a signed URL; off where clients cannot \
         reach it.",
    ),
    key(
        "root_access_key_id",
        Kind::Text,
        "",
        "The root access key id. Without it, one is made at the first start.",
    ),
    key("root_secret_access_key", Kind::Secret, "", "The root secret access key."),
    key(
        "root_secret_access_key_file",
        Kind::Path,
        "",
        "A file with the root secret access key, instead of the key itself.",
    ),
    key(
        "secret_key_file",
        Kind::Path,
        "<data>/installation.key",
        "The installation key, under which stored secrets and tokens are sealed; made at the first \
         start. All replicas need the same.",
    ),
    key(
        "secret_key",
        Kind::Secret,
        "",
        "The installation key itself, instead of a file: 32 bytes in Base64.",
    ),
    key(
        "secret_key_command",
        Kind::Text,
        "",
        "A command for `sh -c` that prints the installation key, such as one that asks a vault.",
    ),
    key(
        "tls_cert",
        Kind::Path,
        "",
        "The certificate chain, PEM. With tls_key, the port speaks HTTPS only; read again when it changes.",
    ),
    key("tls_key", Kind::Path, "", "The private key of the certificate, PEM."),
    key(
        "log_format",
        Kind::Choice(&["text", "json"]),
        "<text on a terminal, else json>",
        "How log and access log lines look.",
    ),
    key(
        "log_level",
        Kind::Text,
        "info",
        "error, warn, info, debug, trace, or directives such as info,wharf_registry=debug.",
    ),
    key(
        "access_log",
        Kind::Text,
        "stdout",
        "Where the line for each request goes: stdout, stderr, off, or the path of a file.",
    ),
    key(
        "audit_log",
        Kind::Text,
        "<data>/audit/audit.jsonl",
        "Where the record of each call to the API and the registry goes: stdout, off, or the path of \
         a file, which is begun anew each day.",
    ),
    key(
        "audit_log_size",
        Kind::Number,
        "100",
        "The most mebibytes of one file of the audit trail; then the next one begins.",
    ),
    key(
        "audit_log_keep",
        Kind::Number,
        "100",
        "How many ended files of the audit trail are kept; the oldest go.",
    ),
    key(
        "trusted_proxies",
        Kind::List,
        "",
        "Networks (CIDR) of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    ),
    key(
        "outbound_allow",
        Kind::List,
        "",
        "Hosts and networks (CIDR) that the server connects to although they are loopback, link-local \
         or private, and on any port: issuers of tokens inside the house.",
    ),
    key(
        "outbound_ca_file",
        Kind::Path,
        "",
        "Certificates (PEM) that are trusted beside the system's when the server connects to issuers \
         of tokens.",
    ),
    key(
        "max_connections",
        Kind::Number,
        "10000",
        "Connections at a time; more wait to be accepted.",
    ),
    key(
        "stall_timeout",
        Kind::Duration,
        "60s",
        "How long a client may stop reading an answer before its connection is closed.",
    ),
    key(
        "upload_floor",
        Kind::Number,
        "16384",
        "The slowest upload allowed after its first minute, in bytes a second, averaged over a minute.",
    ),
    key("shutdown_grace", Kind::Duration, "5m", "How long a stop waits for running requests."),
    key("clock_skew", Kind::Duration, "15m", "How far a client's clock may be off when it signs."),
    key(
        "blob_grace",
        Kind::Duration,
        "24h",
        "How long a blob that no image needs, and an upload that rests, are kept.",
    ),
    key(
        "pull_time_interval",
        Kind::Duration,
        "10m",
        "The last pull of an image is recorded at most this often.",
    ),
    key(
        "blob_mounting",
        Kind::Switch,
        "on",
        "Whether a push may take a blob from another repository that the caller may read, until the \
         account setting BLOB_MOUNTING is put.",
    ),
    key(
        "read_only",
        Kind::Switch,
        "off",
        "Whether everything that would change something is refused, while pulls go on.",
    ),
    key(
        "quota_repositories",
        Kind::Number,
        "100000",
        "Repositories that an account may have in a Region.",
    ),
    key(
        "quota_images",
        Kind::Number,
        "100000",
        "Images that a repository may have, those without a tag included.",
    ),
    key("quota_tags", Kind::Number, "1000", "Tags that an image may have."),
    key(
        "quota_layer_parts",
        Kind::Number,
        "4200",
        "Parts of one layer that comes by UploadLayerPart.",
    ),
    key("quota_layer_size", Kind::Number, "52000", "MiB that a layer may have."),
    key("quota_users", Kind::Number, "100000", "Users that an account may have."),
    key("quota_groups", Kind::Number, "100000", "Groups that an account may have."),
    key("quota_roles", Kind::Number, "100000", "Roles that an account may have."),
    key(
        "quota_policies",
        Kind::Number,
        "100000",
        "Managed policies of its own that an account may have.",
    ),
    key(
        "quota_oidc_providers",
        Kind::Number,
        "100",
        "OpenID Connect providers that an account may have.",
    ),
    key(
        "rate_limits",
        Kind::List,
        "",
        "Requests a second that an account may make: ecr for ECR's own rates, single ones such as \
         PutImage=10, or both. Each process counts for itself; without any there is no limit.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_documented() {
        for (n, key) in KEYS.iter().enumerate() {
            assert!(KEYS[..n].iter().all(|other| other.name != key.name), "{}", key.name);
            assert!(key.doc.ends_with('.'), "{}", key.name);
            assert!(reference().contains(&format!("`{}`", key.variable())));
        }
    }

    /// `wharf config --reference` prints what belongs there.
    #[test]
    fn the_book_has_the_reference() {
        let page = include_str!("../../../../docs/book/configuration.md");
        assert!(page.contains(&reference()), "put this into the page:\n{}", reference());
    }

    #[test]
    fn the_nearest_key_is_found() {
        for (wrong, right) in
            [("listn", "listen"), ("registryhost", "registry_host"), ("DATA", "data")]
        {
            assert_eq!(nearest(&wrong.to_lowercase()).name, right);
        }
    }
}
