//! A real S3 server on a test's host: versitygw, which keeps each object as a file.

use std::fs;

use anyhow::Result;

use crate::Host;

/// The store as clients are told of it. crane follows no redirect to an address that is private, but
/// one to a name.
pub const STORE: &str = "store.test:7070";
/// Where the store listens.
pub(crate) const ADDRESS: &str = "127.0.0.1:7070";
/// The store's only bucket.
pub const BUCKET: &str = "wharf";
/// The store's only credentials.
pub const STORE_KEY: (&str, &str) = ("AKIASTORE0000EXAMPLE", "store/secret+of/the+tests");

impl Host {
    /// Starts the store at [`STORE`] with the empty bucket [`BUCKET`].
    ///
    /// # Errors
    /// With its log, when it ends or does not answer in time.
    pub fn store(&mut self) -> Result<()> {
        self.start_store(&[], &format!("http://{STORE}"))
    }

    /// As [`Host::store`], over TLS, with a certificate of a private authority; gives the
    /// authority's file.
    ///
    /// # Errors
    /// As [`Host::store`].
    pub fn store_over_tls(&mut self) -> Result<String> {
        let made = self.path("store-tls").display().to_string();
        self.sh(&format!("wharf tls init --data {made} --host store.test"))?;
        let file = |name: &str| format!("{made}/tls/{name}");
        let (ca, cert, key) = (file("ca.crt"), file("server.crt"), file("server.key"));
        let endpoint = format!("https://{STORE} --ca-bundle {ca}");
        self.start_store(&["--cert", &cert, "--key", &key], &endpoint)?;
        Ok(ca)
    }

    fn start_store(&mut self, tls: &[&str], endpoint: &str) -> Result<()> {
        let folder = self.path("store");
        fs::create_dir(&folder)?;
        let folder = folder.display().to_string();
        let (id, secret) = STORE_KEY;
        let mut flags = vec!["--port", ADDRESS, "--access", id, "--secret", secret];
        flags.extend(tls);
        flags.extend(["posix", &folder]);
        self.sh("echo 127.0.0.1 store.test >> /etc/hosts")?;
        // Whoever has no signature is refused, and that is an answer.
        let ready = endpoint.replace("--ca-bundle", "--cacert");
        self.daemon("versitygw", &flags, &format!("curl --silent --output /dev/null {ready}"))?;
        self.sh(&format!(
            "AWS_ACCESS_KEY_ID='{id}' AWS_SECRET_ACCESS_KEY='{secret}' AWS_REGION=us-east-1 \
             aws --endpoint-url {endpoint} s3api create-bucket --bucket {BUCKET}"
        ))?;
        Ok(())
    }
}
