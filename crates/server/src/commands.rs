//! What each command does.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;

use crate::cli::{Commands, ConfigArgs, TlsCommand, TlsInit};
use crate::config::{Config, keys};
use crate::start::{self, Running};
use crate::telemetry::logs;
use crate::tls::authority::{self, Wanted};
use crate::{folder, shutdown};

/// Runs the command; an error is told to the user as it is.
pub fn run(command: Commands) -> anyhow::Result<()> {
    match command {
        Commands::Serve(settings) => serve(&Config::read(&settings.0)?),
        Commands::Env(settings) => environment(&Config::read(&settings.0)?),
        Commands::Config(ConfigArgs { reference: true, .. }) => print(&keys::reference()),
        Commands::Config(ConfigArgs { settings, .. }) => print(&Config::read(&settings.0)?.show()),
        Commands::Version => print(&format!("wharf {}\n", env!("CARGO_PKG_VERSION"))),
        Commands::Tls(TlsCommand::Init(init)) => tls_init(init),
    }
}

fn serve(config: &Config) -> anyhow::Result<()> {
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
    let data = match config.data.to_str() {
        Some("./wharf-data") | None => String::new(),
        Some(path) => format!(" --data {}", quoted(path)),
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
         Next, in another shell, with a Dockerfile at hand:\n\
         \x20 eval \"$({program} env{data})\"\n\
         \x20 aws ecr create-repository --repository-name demo-app-repo\n\
         \x20 aws ecr get-login-password | docker login --username AWS --password-stdin {host}\n\
         \x20 docker build -t {host}/demo-app-repo:latest .\n\
         \x20 docker push {host}/demo-app-repo:latest\n"
    );
}

fn environment(config: &Config) -> anyhow::Result<()> {
    let (id, secret) = match &config.root {
        Some(root) => (root.id.clone(), root.secret.0.clone()),
        None => folder::read_credentials(&config.data)?,
    };
    let port = folder::read_port(&config.data).unwrap_or(config.listen.port());
    let mut text = String::new();
    let exports = [
        ("AWS_ENDPOINT_URL", config.endpoint_url(port)),
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", config.region.clone()),
        ("AWS_DEFAULT_REGION", config.region.clone()),
    ];
    for (name, value) in exports {
        text.push_str(&format!("export {name}={}\n", quoted(&value)));
    }
    // A token of another session would be sent along and make every signature wrong.
    text.push_str("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    print(&text)
}

fn tls_init(init: TlsInit) -> anyhow::Result<()> {
    let config = Config::read(&init.settings.0)?;
    folder::make(&config.data)?;
    let wanted = Wanted {
        folder: config.data.join("tls"),
        hosts: init.hosts,
        region: config.region.clone(),
        days: init.days,
    };
    // The host that was asked for is the one that clients will use.
    let given = wanted.hosts.first().filter(|host| !host.contains('*')).cloned();
    let made = authority::init(&wanted)?;
    let port = config.listen.port();
    let host = given.map(|host| format!("{host}:{port}"));
    let host = host.unwrap_or_else(|| config.registry_host(port));
    print(&made.next_steps(&host, &format!("https://{host}")))
}

/// For a POSIX shell: plain where nothing in it is special, else in single quotes.
fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:+=@%".contains(&byte);
    match value.bytes().all(plain) && !value.is_empty() {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "'\\''")),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot print")
}
