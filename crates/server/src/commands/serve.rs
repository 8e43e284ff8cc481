//! `wharf serve`: starts the registry, and tells a person what to type next.

use std::io::IsTerminal as _;

use super::{data_flag, quoted};
use crate::config::Config;
use crate::start::{self, Running};
use crate::telemetry::logs;
use crate::{folder, shutdown};

pub(super) fn serve(config: &Config) -> anyhow::Result<()> {
    logs::begin(config.log_format, &config.log_level)?;
    // The database holds sealed secrets and everybody's images: for this user only, as SQLite makes
    // its files with what the umask leaves.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (_stopper, stop) = shutdown::on_signals()?;
        let running = start::start(config, start::system_clock(), stop).await?;
        tracing::info!(address = %running.address, data = %config.data.display(), "listening");
        banner(config, &running);
        running.done.await?
    })
}

/// Tells a person what to type next; a log collector is spared.
fn banner(config: &Config, running: &Running) {
    if !running.root.created && !std::io::stderr().is_terminal() {
        return;
    }
    let port = running.address.port();
    let (endpoint, host) = (config.endpoint_url(port), config.registry_host(port));
    let host = host.replace("{account}", &config.account).replace("{region}", &config.region);
    let credentials = folder::credentials(&config.data);
    let data = data_flag(config);
    let made = match (running.root.created, config.root.is_some()) {
        (_, true) => "The root credentials of account {account} are the configured ones",
        (true, _) => "Made the root credentials of account {account}: {credentials}",
        (false, _) => "The root credentials of account {account}: {credentials}",
    };
    let made = made
        .replace("{account}", &config.account)
        .replace("{credentials}", &credentials.display().to_string());
    // Built with cargo, the program is not on the path.
    let program = std::env::current_exe().ok().and_then(|path| path.to_str().map(quoted));
    let program = program.unwrap_or_else(|| "wharf".to_owned());
    eprintln!(
        "\nWharf is ready: ECR API at {endpoint}, images at {host}/<repository>:<tag>\n\
         {made}\n\n\
         Next, in another shell, with a Dockerfile at hand:\n\
         \x20 eval \"$({program} env{data})\"\n\
         \x20 aws ecr create-repository --repository-name demo-app-repo\n\
         \x20 aws ecr get-login-password | docker login --username AWS --password-stdin {host}\n\
         \x20 docker build -t {host}/demo-app-repo:latest .\n\
         \x20 docker push {host}/demo-app-repo:latest\n"
    );
}
