//! What each command does: a file for each, and here what several of them need.

mod account;
mod check;
mod copy;
mod env;
mod progress;
mod rekey;
mod serve;
mod tls;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{Commands, ConfigArgs, TlsCommand};
use crate::config::{Config, keys};

/// Runs the command; an error is told to the user as it is.
pub fn run(command: Commands) -> anyhow::Result<ExitCode> {
    let done = match command {
        Commands::Account(command) => return account::account(command),
        Commands::Check(check) => return check::check(&check),
        Commands::Serve(settings) => serve::serve(&Config::read(&settings.0)?),
        Commands::Env(settings) => env::environment(&Config::read(&settings.0)?),
        Commands::Config(ConfigArgs { reference: true, .. }) => print(&keys::reference()),
        Commands::Config(ConfigArgs { settings, .. }) => print(&Config::read(&settings.0)?.show()),
        Commands::Copy(copy) => copy::copy(&copy),
        Commands::Backup(backup) => copy::backup(&backup),
        Commands::Restore(restore) => copy::restore(&restore),
        Commands::Rekey(rekey) => rekey::rekey(&rekey),
        Commands::Version => print(&format!("wharf {}\n", env!("CARGO_PKG_VERSION"))),
        Commands::Tls(TlsCommand::Init(init)) => tls::init(init),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Tells the user why a command failed. Whoever has stopped reading, such as `head`, wants no more.
#[must_use]
pub fn failed(error: &anyhow::Error) -> ExitCode {
    if error.is::<Unread>() {
        return ExitCode::from(UNREAD);
    }
    eprintln!("wharf: {}", chain(error));
    ExitCode::FAILURE
}

/// An error with those of its causes that it does not repeat.
fn chain(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            told.push_str(if told.is_empty() { "" } else { ": " });
            told.push_str(&cause);
        }
    }
    told
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

/// Whoever read the output has gone.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output")]
struct Unread;

/// What the shell makes of a program that SIGPIPE has ended.
const UNREAD: u8 = 128 + 13;

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Unread.into()),
        printed => printed.context("cannot print"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        let cause = std::io::Error::other("no such host");
        let error = anyhow::Error::new(cause).context("no answer: no such host").context("stuck");
        assert_eq!(chain(&error), "stuck: no answer: no such host");
    }
}
