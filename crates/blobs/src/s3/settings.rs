//! What the operator sets for a bucket, what is taken from AWS's environment variables instead, and the clients that
//! come of it.

use std::{fs, path::PathBuf, sync::Arc};

use http::Uri;
use object_store::{
    ClientOptions,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key, Checksum},
    client::{Certificate, HttpConnector as _},
    path::Path,
};

use super::{Timing, bucket::Bucket, credentials, fault::chain};
use crate::Unusable;

/// Where the bytes go, and how.
#[derive(Clone, Debug, Default)]
pub struct S3Settings {
    /// The bucket's name. It must exist.
    pub bucket: String,
    /// What all keys begin with, without slashes at the ends; may be empty.
    pub prefix: String,
    /// The store's URL, `https://host:port`. Else `AWS_ENDPOINT_URL_S3`, else AWS's own. Never `AWS_ENDPOINT_URL`:
    /// that is where clients of Wharf find Wharf.
    pub endpoint: Option<String>,
    /// The store's URL as clients reach it, for URLs that are given away; the same when it is not set.
    pub public_endpoint: Option<String>,
    /// Else `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, `us-east-1`.
    pub region: Option<String>,
    /// Whether the bucket is named in the path, not in the host. On by default where an endpoint is set.
    pub path_style: Option<bool>,
    /// Authorities to trust besides the system's: a file of PEM certificates.
    pub ca_file: Option<PathBuf>,
    /// Whether clients are sent to the store with a signed URL; otherwise all bytes go through Wharf.
    pub redirect: bool,
    /// A folder for what is on its way to the store, made if it is new. It needs room for about 34 MiB for each push
    /// at the same time, on a disk: what lies in a `tmpfs` is memory.
    pub spool: PathBuf,
    /// A file like `~/.aws/credentials`, whose profile (`AWS_PROFILE`, else `default`) is taken instead of all that the
    /// environment may offer.
    pub credentials_file: Option<PathBuf>,
}

/// Where variables are looked up.
pub(crate) struct Environment(Box<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    pub(crate) fn of_process() -> Environment {
        Environment(Box::new(|name| std::env::var(name).ok()))
    }

    #[cfg(test)]
    pub(crate) fn of(variables: Vec<(&'static str, String)>) -> Environment {
        let find = move |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        };
        Environment(Box::new(find))
    }

    /// A variable that is set to something.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0(name).filter(|value| !value.is_empty())
    }
}

/// The clients for one bucket.
pub(super) struct Connected {
    pub(super) store: AmazonS3,
    pub(super) public: Option<AmazonS3>,
    pub(super) bucket: Bucket,
    pub(super) prefix: Path,
}

impl S3Settings {
    pub(super) fn connect(
        self,
        environment: &Environment,
        timing: Timing,
    ) -> Result<Connected, Unusable> {
        let name = checked_bucket(&self.bucket)?;
        let prefix = Path::parse(self.prefix.trim_matches('/'))
            .map_err(|error| setting("the prefix", error.to_string()))?;
        let profile = credentials::Profile::find(&self, environment)?;
        let region = self
            .region
            .clone()
            .or_else(|| environment.get("AWS_REGION"))
            .or_else(|| environment.get("AWS_DEFAULT_REGION"))
            .or_else(|| profile.region())
            .unwrap_or_else(|| "us-east-1".to_owned());
        let given = self.endpoint.clone().or_else(|| environment.get("AWS_ENDPOINT_URL_S3"));
        let path_style = self.path_style.unwrap_or(given.is_some() || name.contains('.'));
        let endpoint = given.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let url = bucket_url("the endpoint", &endpoint, name, path_style)?;
        let options = self.client_options(timing)?;

        let builder = builder(name, &region, timing).with_client_options(options.clone());
        let builder = profile.give(builder, environment);
        let store = built(builder.with_endpoint(&url))?;
        let credentials = Arc::clone(store.credentials());
        let public = match (self.redirect, &self.public_endpoint) {
            (false, _) => None,
            (true, None) => Some(store.clone()),
            (true, Some(public)) => {
                let url = bucket_url("the public endpoint", public, name, path_style)?;
                let builder = builder_for_urls(name, &region, &url);
                Some(built(builder.with_credentials(Arc::clone(&credentials)))?)
            }
        };
        let client =
            timing.connect(&options).map_err(|error| setting("the client", chain(&error)))?;
        let bucket = Bucket { name: name.to_owned(), endpoint, url, region, client, credentials };
        Ok(Connected { store, public, bucket, prefix })
    }

    fn client_options(&self, timing: Timing) -> Result<ClientOptions, Unusable> {
        let mut options = ClientOptions::new()
            .with_allow_http(true)
            .with_http1_only()
            .with_timeout_disabled()
            .with_connect_timeout(timing.connect);
        if let Some(path) = &self.ca_file {
            let wrong =
                |reason: String| setting("the CA file", format!("{}: {reason}", path.display()));
            let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let found = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(chain(&error)))?;
            if found.is_empty() {
                return Err(wrong("there is no PEM certificate in it".to_owned()));
            }
            for certificate in found {
                options = options.with_root_certificate(certificate);
            }
        }
        Ok(options)
    }
}

fn builder(bucket: &str, region: &str, timing: Timing) -> AmazonS3Builder {
    AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        // The endpoint names the bucket already.
        .with_virtual_hosted_style_request(true)
        .with_checksum_algorithm(Checksum::SHA256)
        // Not every store has the other way, and all our deletes are of single objects.
        .with_disable_bulk_delete(true)
        .with_retry(timing.retry())
        .with_http_connector(timing)
}

/// A client that only signs and never sends.
fn builder_for_urls(bucket: &str, region: &str, url: &str) -> AmazonS3Builder {
    builder(bucket, region, Timing::default()).with_allow_http(true).with_endpoint(url)
}

fn built(builder: AmazonS3Builder) -> Result<AmazonS3, Unusable> {
    builder.build().map_err(|error| setting("the client", chain(&error)))
}

/// Only what would make a wrong URL is refused: what else a name may be is the store's business.
fn checked_bucket(name: &str) -> Result<&str, Unusable> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if (3..=255).contains(&name.len()) && name.bytes().all(is_plain) && !name.contains("..") {
        return Ok(name);
    }
    let rule = "a bucket's name has 3 to 63 lowercase letters, digits, dots and hyphens";
    Err(setting("the bucket", format!("{name:?}: {rule}")))
}

/// The URL that a bucket has at this endpoint, without a slash at the end.
fn bucket_url(
    what: &'static str,
    endpoint: &str,
    bucket: &str,
    path_style: bool,
) -> Result<String, Unusable> {
    let wrong = || {
        let rule = "it must be a URL like https://s3.example.com:9000, without a path";
        setting(what, format!("{endpoint:?}: {rule}"))
    };
    let uri: Uri = endpoint.trim_end_matches('/').parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong());
    };
    let is_bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
    if !["http", "https"].contains(&scheme) || !is_bare {
        return Err(wrong());
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    if !path_style && host.parse::<std::net::IpAddr>().is_ok() {
        let rule = "an IP address can have no bucket's name in front; set blobs_path_style = on";
        return Err(setting(what, format!("{endpoint:?}: {rule}")));
    }
    Ok(match path_style {
        true => format!("{scheme}://{authority}/{bucket}"),
        false => format!("{scheme}://{bucket}.{authority}"),
    })
}

pub(super) fn setting(setting: &'static str, reason: String) -> Unusable {
    Unusable::Setting { setting, reason }
}

/// The variables by which AWS's own services hand out roles, and what they are for.
pub(super) const ROLE_VARIABLES: [(&str, Key); 7] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", Key::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", Key::RoleArn),
    ("AWS_ROLE_SESSION_NAME", Key::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", Key::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Key::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", Key::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Key::ContainerAuthorizationTokenFile),
];
