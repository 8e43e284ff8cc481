//! What the tests push: small images made from Debian's static busybox, since no base image can
//! be had without a registry.

use std::fs;

use anyhow::{Context, Result};

use crate::Host;

/// Three layers, so that clients push and pull in parallel; one of them a program, so that it runs.
const DOCKERFILE: &str = "\
FROM scratch
COPY busybox /bin/busybox
COPY greeting /etc/greeting
COPY hostname /etc/name
ENTRYPOINT [\"/bin/busybox\", \"cat\"]
CMD [\"/etc/greeting\"]
";

impl Host {
    /// Writes a build context to the folder `demo-app` of the home folder; the image that is
    /// built from it prints `greeting`.
    ///
    /// # Errors
    /// When Debian's `busybox-static` is missing.
    pub fn build_context(&self, greeting: &str) -> Result<()> {
        let dir = self.path("home/demo-app");
        fs::create_dir_all(&dir)?;
        fs::copy("/bin/busybox", dir.join("busybox"))
            .context("/bin/busybox, of Debian's busybox-static, is missing")?;
        fs::write(dir.join("Dockerfile"), DOCKERFILE)?;
        fs::write(dir.join("greeting"), format!("{greeting}\n"))?;
        fs::write(dir.join("hostname"), "demo-app\n")?;
        Ok(())
    }

    /// Writes the OCI image layout `layout`, tag `1`, to the home folder, and the digest of its
    /// manifest to the file `image-digest`; the image prints `ahoy`.
    ///
    /// # Errors
    /// As [`Host::build_context`].
    pub fn image_layout(&self) -> Result<()> {
        self.build_context("ahoy")?;
        self.sh(include_str!("layout.sh"))?;
        Ok(())
    }
}
