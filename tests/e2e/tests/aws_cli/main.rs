//! The aws command line, versions 1 and 2, through every operation that is served and that it
//! knows: answered, and refused with the errors that scripts look for; every way of printing and of
//! paging.
//!
//! Version 1 and version 2 from 2.13 on read `AWS_ENDPOINT_URL`, so `eval "$(wharf env)"` is all
//! they need. Debian's 2.9 is older and takes `--endpoint-url`.

mod images;
mod output;
mod policies;
mod refusals;
mod settings;

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result, ensure};
use wharf_e2e::{Host, Output, book};

/// One version of the program, on a host with a server.
pub struct Cli {
    pub host: Host,
    pub version: Version,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Version {
    /// As `pip install awscli` brings it.
    One,
    /// As Debian's package `awscli` brings it.
    Two,
}

impl Version {
    /// What `aws` is.
    fn program(self) -> &'static str {
        match self {
            Version::One => "command aws",
            Version::Two => "/usr/bin/aws --endpoint-url $AWS_ENDPOINT_URL",
        }
    }

    /// Prints the operations that it knows.
    fn operations(self) -> &'static str {
        match self {
            Version::One => {
                "python -c 'import botocore.session
print(*botocore.session.get_session().get_service_model(\"ecr\").operation_names)'"
            }
            Version::Two => {
                "python3 -c 'import json, pathlib
root = pathlib.Path(\"/usr/lib/python3/dist-packages/awscli/botocore/data/ecr\")
(model,) = root.glob(\"*/service-2.json\")
print(*json.loads(model.read_text())[\"operations\"])'"
            }
        }
    }
}

impl Cli {
    fn new(version: Version) -> Result<Self> {
        let mut host = Host::start()?;
        host.wharf()?;
        Ok(Self { host, version })
    }

    /// Runs a script that calls `aws`, and expects success.
    pub fn sh(&self, script: &str) -> Result<Output> {
        self.host.sh(&format!("{}{script}", self.prologue()))
    }

    /// Runs a script that calls `aws`, and expects that it fails.
    pub fn refuses(&self, script: &str) -> Result<Output> {
        self.host.refuses(&format!("{}{script}", self.prologue()))
    }

    /// `aws` as a function that writes down what was called and how it ended.
    fn prologue(&self) -> String {
        format!(
            "aws() {{ local status=0; {} \"$@\" || status=$?
                echo \"$2 $status\" >> $HOME/calls; return $status; }}\n",
            self.version.program()
        )
    }

    /// Every operation that the book calls served and the program knows was answered and refused.
    fn called_everything(&self) -> Result<()> {
        let known = self.host.sh(self.version.operations())?;
        let known: BTreeSet<_> = known.text().split_whitespace().collect();
        ensure!(known.contains("CreateRepository"), "the program's operations: {known:?}");
        let calls = fs::read_to_string(self.host.path("home/calls")).context("no call")?;
        let mut called = BTreeSet::new();
        for (command, status) in calls.lines().filter_map(|call| call.split_once(' ')) {
            // 252 is the program's own refusal; nothing was sent.
            if status != "252" {
                called.insert((command.to_owned(), status == "0"));
            }
        }
        let served = book::served()?;
        let wanted = served.iter().filter(|name| known.contains(name.as_str()));
        let missing: Vec<_> = wanted
            .flat_map(|name| [(command(name), true), (command(name), false)])
            .filter(|call| !called.contains(call))
            .collect();
        ensure!(missing.is_empty(), "served, and not called (answered, refused): {missing:?}");
        Ok(())
    }
}

/// The command of an operation: `BatchGetImage` is `batch-get-image`.
fn command(operation: &str) -> String {
    let mut command = String::new();
    for letter in operation.chars() {
        if letter.is_ascii_uppercase() && !command.is_empty() {
            command.push('-');
        }
        command.push(letter.to_ascii_lowercase());
    }
    command
}

fn everything(version: Version) -> Result<()> {
    let cli = Cli::new(version)?;
    images::by_api_alone(&cli)?;
    output::formats(&cli)?;
    output::pages(&cli)?;
    output::waits(&cli)?;
    refusals::all(&cli)?;
    settings::all(&cli)?;
    policies::all(&cli)?;
    images::passwords(&cli)?;
    cli.called_everything()
}

#[test]
fn every_operation_through_version_1() -> Result<()> {
    everything(Version::One)
}

#[test]
fn every_operation_through_version_2() -> Result<()> {
    everything(Version::Two)
}
