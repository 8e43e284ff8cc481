//! What each command does: a file for each, and here what several of them need.

mod check;
mod copy;
mod env;
mod progress;
mod serve;
mod tls;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{Commands, ConfigArgs, TlsCommand};
use crate::config::{Config, keys};

/// Runs the command; an error is told to the user as it is.
pub fn run(command: Commands) -> anyhow::Result<ExitCode> {
    let done = match command {
        Commands::Check(check) => return check::check(&check),
        Commands::Serve(settings) => serve::serve(&Config::read(&settings.0)?),
        Commands::Env(settings) => env::environment(&Config::read(&settings.0)?),
        Commands::Config(ConfigArgs { reference: true, .. }) => print(&keys::reference()),
        Commands::Config(ConfigArgs { settings, .. }) => print(&Config::read(&settings.0)?.show()),
        Commands::Copy(copy) => copy::copy(&copy),
        Commands::Backup(backup) => copy::backup(&backup),
        Commands::Restore(restore) => copy::restore(&restore),
        Commands::Version => print(&format!("wharf {}\n", env!("CARGO_PKG_VERSION"))),
        Commands::Tls(TlsCommand::Init(init)) => tls::init(init),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// The flag that names the data folder, with a blank before it; empty for the default one.
fn data_flag(config: &Config) -> String {
    match config.data.to_str() {
        Some("./wharf-data") | None => String::new(),
        Some(path) => format!(" --data {}", quoted(path)),
    }
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
