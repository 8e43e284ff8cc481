//! The servers that a test starts on its host: Wharf, Docker's engine, containerd, BuildKit. Each is
//! the program as packaged, with all its state in the host's folder.

use std::{
    fs::{self, File},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::Host;

/// How long a daemon may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(60);

impl Host {
    /// Starts `wharf serve`, configured by the `WHARF_` variables that the test has set; without
    /// `WHARF_LISTEN` it takes a free port. Scripts find the registry's host in `$REGISTRY`
    /// (`localhost:PORT` without `WHARF_REGISTRY_HOST`) and have what `wharf env` prints in their
    /// environment.
    ///
    /// # Errors
    /// With its log, when it ends or does not listen in time.
    pub fn wharf(&mut self) -> Result<()> {
        if self.get("WHARF_LISTEN").is_empty() {
            self.set("WHARF_LISTEN", "127.0.0.1:0");
        }
        self.daemon("wharf", &["serve"], "test -s $WHARF_DATA/address")?;
        if self.get("WHARF_REGISTRY_HOST").is_empty() {
            let address = fs::read_to_string(self.path("data/address"))?;
            let (_, port) = address.trim().rsplit_once(':').context("the address has no port")?;
            self.set("REGISTRY", format!("localhost:{port}"));
        }
        self.export()
    }

    /// Gives later scripts what `wharf env` prints.
    pub(crate) fn export(&mut self) -> Result<()> {
        let exports = self.sh("wharf env")?;
        fs::write(self.path("exports"), exports.text())?;
        // Bash reads this file before each script.
        self.set("BASH_ENV", self.path("exports").display().to_string());
        Ok(())
    }

    /// Makes a private authority and a certificate for `names` with `wharf tls init`, and
    /// configures the server to use it; `$CA` is the authority's certificate.
    ///
    /// # Errors
    /// With what it printed, when it fails.
    pub fn wharf_tls(&mut self, names: &[&str]) -> Result<()> {
        let hosts: String = names.iter().map(|name| format!(" --host {name}")).collect();
        self.sh(&format!("wharf tls init{hosts}"))?;
        for (variable, file) in
            [("CA", "ca.crt"), ("WHARF_TLS_CERT", "server.crt"), ("WHARF_TLS_KEY", "server.key")]
        {
            self.set(variable, self.path("data/tls").join(file).display().to_string());
        }
        Ok(())
    }

    /// Starts Docker's engine; scripts reach it with `docker`.
    ///
    /// Containers get no network: a bridge and its firewall rules belong to the kernel of the
    /// machine, and the tests need none.
    ///
    /// # Errors
    /// With its log, when it ends or does not answer in time.
    pub fn dockerd(&mut self) -> Result<()> {
        let dir = self.path("docker");
        fs::create_dir(&dir)?;
        fs::write(dir.join("daemon.json"), "{}")?;
        let dir = dir.display();
        self.set("DOCKER_HOST", format!("unix://{dir}/docker.sock"));
        let flags = [
            format!("--data-root={dir}/data"),
            format!("--exec-root={dir}/exec"),
            format!("--pidfile={dir}/pid"),
            format!("--config-file={dir}/daemon.json"),
            format!("--host=unix://{dir}/docker.sock"),
            "--bridge=none".to_owned(),
            "--iptables=false".to_owned(),
        ];
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        self.daemon("dockerd", &flags, "docker version")
    }

    /// Starts containerd without the Kubernetes part; scripts reach it with `ctr`.
    ///
    /// # Errors
    /// With its log, when it ends or does not answer in time.
    pub fn containerd(&mut self) -> Result<()> {
        let dir = self.path("containerd");
        fs::create_dir(&dir)?;
        let dir = dir.display();
        let config = format!(
            "version = 2\nroot = '{dir}/root'\nstate = '{dir}/state'\n\
             disabled_plugins = ['io.containerd.grpc.v1.cri']\n\
             [grpc]\naddress = '{dir}/containerd.sock'\n"
        );
        fs::write(self.path("containerd/config.toml"), config)?;
        self.set("CONTAINERD_ADDRESS", format!("{dir}/containerd.sock"));
        self.daemon("containerd", &["--config", &format!("{dir}/config.toml")], "ctr version")
    }

    /// Starts BuildKit with the worker that needs no engine; scripts reach it with `buildctl`.
    /// `connection` is what its configuration says of `$REGISTRY`: `http = true`, or the authority
    /// that it is to trust.
    ///
    /// # Errors
    /// With its log, when it ends or does not answer in time.
    pub fn buildkitd(&mut self, connection: &str) -> Result<()> {
        let dir = self.path("buildkit");
        fs::create_dir(&dir)?;
        let (dir, registry) = (dir.display(), self.get("REGISTRY"));
        // What a test has cached goes when the test says so, not when the disk is full.
        let config = format!(
            "root = '{dir}/root'\n[grpc]\naddress = ['unix://{dir}/buildkitd.sock']\n\
             [worker.containerd]\nenabled = false\n[worker.oci]\nenabled = true\ngc = false\n\
             [registry.'{registry}']\n{connection}\n"
        );
        fs::write(self.path("buildkit/buildkitd.toml"), config)?;
        self.set("BUILDKIT_HOST", format!("unix://{dir}/buildkitd.sock"));
        let config = format!("{dir}/buildkitd.toml");
        self.daemon("buildkitd", &["--config", &config], "buildctl debug workers")
    }

    /// Starts `program` on the host and waits until `ready` succeeds.
    pub(crate) fn daemon(&mut self, program: &str, arguments: &[&str], ready: &str) -> Result<()> {
        let log = self.path(&format!("{program}.log"));
        let file = File::create(&log)?;
        let child = self
            .command(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()?;
        self.daemons.push(child);
        let deadline = Instant::now() + READY_WITHIN;
        while self.sh(ready).is_err() {
            let ended = self.daemons.last_mut().context("just pushed")?.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                bail!("{program} does not answer ({ended:?}):\n{}", fs::read_to_string(&log)?);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
