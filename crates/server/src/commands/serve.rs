//! `wharf serve`: starts the registry, and tells a person what to type next.

use std::io::IsTerminal as _;

use super::{data_flag, quoted};
use crate::config::{Config, Source, keys};
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
    let (flags, variables) = for_env(config);
    let shell = match variables.is_empty() {
        true => String::new(),
        false => format!(" that has {} as this one", variables.join(" and ")),
    };
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
         Next, in another shell{shell}, with a Dockerfile at hand:\n\
         \x20 eval \"$({program} env{flags})\"\n\
         \x20 aws ecr create-repository --repository-name demo-app-repo\n\
         \x20 aws ecr get-login-password | docker login --username AWS --password-stdin {host}\n\
         \x20 docker build -t {host}/demo-app-repo:latest .\n\
         \x20 docker push {host}/demo-app-repo:latest\n"
    );
}

/// Where `wharf env` finds the root key if it was configured.
const ROOT_KEY: [&str; 3] =
    ["root_access_key_id", "root_secret_access_key", "root_secret_access_key_file"];

/// What `wharf env` needs in a shell that knows nothing of this server: its flags, and the variables
/// that are to be set there too.
fn for_env(config: &Config) -> (String, Vec<String>) {
    let (mut flags, mut variables, mut file) = (data_flag(config), Vec::new(), None);
    let set = ROOT_KEY.iter().filter_map(|name| Some((keys::find(name)?, config.setting(name)?)));
    for (key, setting) in set {
        match &setting.source {
            Source::Flag => flags += &format!(" --{} {}", key.flag(), quoted(&setting.text)),
            Source::Environment => variables.push(key.variable()),
            Source::File(path) => file = path.to_str(),
            Source::Default => {}
        }
    }
    if let Some(file) = file {
        flags += &format!(" --config {}", quoted(file));
    }
    (flags, variables)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{Flags, Settings};

    #[test]
    fn env_is_told_where_the_root_key_is() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "0123456789abcdef0123").unwrap();
        let secret = secret.to_str().unwrap().to_owned();
        let file = folder.path().join("w.toml");
        let text = format!("root_access_key_id = 'A'\nroot_secret_access_key_file = '{secret}'");
        std::fs::write(&file, text).unwrap();
        let told = |flags: &[(&'static str, &str)], file, environment: &[(&str, &str)]| {
            let values = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let environment = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            let settings = Settings::gather(&Flags { config: file, values }, environment).unwrap();
            for_env(&Config::check(settings).unwrap())
        };
        assert_eq!(told(&[("data", "d")], None, &[]), (" --data d".to_owned(), vec![]));
        let flags = [("root_access_key_id", "A"), ("root_secret_access_key_file", &secret)];
        let expected = format!(" --root-access-key-id A --root-secret-access-key-file {secret}");
        assert_eq!(told(&flags, None, &[]).0, expected);
        let expected = format!(" --config {}", file.display());
        assert_eq!(told(&[], Some(file), &[]), (expected, vec![]));
        let variables = ["WHARF_ROOT_ACCESS_KEY_ID", "WHARF_ROOT_SECRET_ACCESS_KEY"];
        let (flags, named) = told(&[], None, &variables.map(|name| (name, "0123456789abcdef")));
        assert_eq!((flags.as_str(), named), ("", variables.map(str::to_owned).to_vec()));
    }
}
