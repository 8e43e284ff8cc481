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
        let folder = self.path("store");
        fs::create_dir(&folder)?;
        let folder = folder.display().to_string();
        let (id, secret) = STORE_KEY;
        let flags = ["--port", ADDRESS, "--access", id, "--secret", secret, "posix", &folder];
        self.sh("echo 127.0.0.1 store.test >> /etc/hosts")?;
        // Whoever has no signature is refused, and that is an answer.
        self.daemon("versitygw", &flags, &format!("curl --silent --output /dev/null {STORE}"))?;
        self.sh(&format!(
            "AWS_ACCESS_KEY_ID='{id}' AWS_SECRET_ACCESS_KEY='{secret}' AWS_REGION=us-east-1 \
             aws --endpoint-url http://{STORE} s3api create-bucket --bucket {BUCKET}"
        ))?;
        Ok(())
    }
}
