//! What the command line of `cargo xtask bench` says.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

/// The text that `--help` prints.
pub const USAGE: &str = "\
cargo xtask bench [--only NAME] [--rounds N] [--quick] [--more-peers] [--peers-only]
                  [--engines [--share PERCENT]]

  --only NAME    only the scenarios whose name contains NAME; `--only memory` for the footprint,
                 `--only scale` for what 100,000 images and 10,000 repositories cost,
                 `--only authorisation` for what a user's policies add to a pull
  --rounds N     rounds of each scenario, its servers taking turns; the table shows medians (3)
  --quick        small blobs, short samples, one round: shows that it works, not how fast it is
  --more-peers   also distribution 3, built through the Go module proxy
  --peers-only   measure the peers without Wharf
  --engines      instead of the peers, Wharf itself on PostgreSQL and S3, one replica and two
  --share PERCENT
                 hold each replica to PERCENT of one core, 5 to 100, so that two are held against
                 one as on machines of their own; at least 8 clients, and only replicas are measured

The binary measured is target/release/wharf, or what WHARF_BIN names.";

/// How much is measured, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Part of the name of the scenarios to run; all of them without it.
    pub only: Option<String>,
    /// Rounds of each scenario.
    pub rounds: usize,
    /// Small sizes and short samples.
    pub quick: bool,
    /// Also distribution 3.
    pub more_peers: bool,
    /// Leave Wharf out.
    pub peers_only: bool,
    /// Wharf on other engines instead of the peers.
    pub engines: bool,
    /// The percentage of one core that each replica is held to.
    pub share: Option<u32>,
}

impl Options {
    /// Reads the flags.
    ///
    /// # Errors
    /// Refuses unknown flags, missing values and zero rounds.
    pub fn parse(args: &[String]) -> anyhow::Result<Self> {
        let mut options = Self {
            only: None,
            rounds: 3,
            quick: false,
            more_peers: false,
            peers_only: false,
            engines: false,
            share: None,
        };
        let mut rounds = None;
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--only" => {
                    options.only = Some(args.next().context("--only needs a name")?.clone())
                }
                "--rounds" => rounds = Some(args.next().context("--rounds needs a number")?),
                "--quick" => options.quick = true,
                "--more-peers" => options.more_peers = true,
                "--peers-only" => options.peers_only = true,
                "--engines" => options.engines = true,
                "--share" => options.share = Some(share(args.next())?),
                unknown => bail!("unknown argument {unknown}\n\n{USAGE}"),
            }
        }
        options.rounds = match rounds {
            Some(text) => text.parse().with_context(|| format!("--rounds {text} is no number"))?,
            None if options.quick => 1,
            None => options.rounds,
        };
        ensure!(options.rounds > 0, "--rounds must be at least 1");
        ensure!(
            !(options.engines && (options.more_peers || options.peers_only)),
            "--engines measures no peers"
        );
        ensure!(options.engines || options.share.is_none(), "--share needs --engines");
        Ok(options)
    }

    /// Whether `--only` lets this name through.
    pub fn selects(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| name.contains(only))
    }

    /// How long one sample goes on before its workers begin no further operation.
    pub fn sample(&self) -> Duration {
        if self.quick { Duration::from_millis(300) } else { Duration::from_secs(2) }
    }

    /// The sizes that go with it.
    pub fn sizes(&self) -> Sizes {
        if self.quick {
            Sizes { large: 16 << 20, names: 1_000, images: 2_000 }
        } else {
            Sizes { large: 256 << 20, names: 10_000, images: 100_000 }
        }
    }
}

/// Less than 5 % is less than the kernel gives out.
fn share(text: Option<&String>) -> anyhow::Result<u32> {
    let text = text.context("--share needs a percentage of one core")?;
    let percent = text.parse().with_context(|| format!("--share {text} is no number"))?;
    ensure!((5..=100).contains(&percent), "--share must be from 5 to 100");
    Ok(percent)
}

/// The sizes that `--quick` makes smaller.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Bytes of a large blob.
    pub large: u64,
    /// Tags and repositories in the lists.
    pub names: usize,
    /// Images in one repository.
    pub images: usize,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> anyhow::Result<Options> {
        Options::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn flags_are_read_and_bad_ones_refused() {
        let options = parse("--only push --quick --rounds 5").unwrap();
        assert_eq!((options.rounds, options.quick), (5, true));
        assert!(options.selects("push-chunked") && !options.selects("pull-1"));
        assert_eq!(parse("--quick").unwrap().rounds, 1);
        assert_eq!(parse("").unwrap().rounds, 3);
        assert_eq!(parse("--engines --share 25").unwrap().share, Some(25));
        for bad in [
            "--fast",
            "--only",
            "--rounds",
            "--rounds x",
            "--rounds 0",
            "--rounds -1",
            "--engines --peers-only",
            "--share 25",
            "--engines --share",
            "--engines --share 4",
            "--engines --share 101",
            "--engines --share x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
