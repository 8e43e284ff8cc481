//! The command line. What the commands do is elsewhere; the flags that mirror configuration keys
//! are made from the table of keys.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Parser, Subcommand};

use wharf_policy::AccountId;

use crate::config::Flags;
use crate::config::keys::{KEYS, Key, Kind};

/// Wharf: the Amazon ECR that you run yourself.
///
/// `wharf serve` starts it and says what to type next. Every option can also be set by an
/// environment variable (WHARF_ and its name) or in a TOML file; a flag goes before the
/// environment, the environment before the file.
#[derive(Parser)]
#[command(name = "wharf", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Commands,
}

/// The commands.
#[derive(Subcommand)]
pub enum Commands {
    /// Start the registry.
    ///
    /// Without any option it keeps everything in ./wharf-data, listens on 127.0.0.1:5080, makes
    /// root credentials at the first start and says what to type next.
    Serve(Settings),
    /// Make, list and close accounts.
    ///
    /// Each account is a registry of its own in every Region, and an island unless a policy says
    /// otherwise. Works beside a running server, or without one.
    #[command(subcommand, arg_required_else_help = true)]
    Account(AccountCommand),
    /// Check everything stored against its digest, and rows against each other and the store.
    ///
    /// Runs beside a server, or without one. Exits with 0 when everything is in order, with 3 when
    /// something is wrong, with 1 when it cannot be checked.
    #[command(visible_alias = "scrub")]
    Check(CheckArgs),
    /// Print the exports that point aws and the SDKs at this registry, for eval "$(wharf env)".
    Env(Settings),
    /// Print the effective configuration as TOML, with the source of each value, without secrets.
    Config(ConfigArgs),
    /// Copy a whole installation into other engines, while it is served.
    ///
    /// Accounts, keys, repositories, images and blobs; every blob is held against its digest on the
    /// way. Run again, it brings the copy to the present state of the source; broken off, it goes
    /// on. The WHARF_ variables do not count here: all is said by what --from and --to name.
    Copy(Copy),
    /// Back up this installation into a folder, while it is served.
    ///
    /// The folder is a copy, in the embedded engines, of one moment. Run again with the same
    /// folder, only what is new is copied. The installation key is not in it.
    Backup(Backup),
    /// Put a backup into this installation, which must be empty and not running.
    Restore(Restore),
    /// Seal all stored secrets with another installation key, while no server runs.
    ///
    /// Access keys and passwords stay as they are. Registry tokens, temporary credentials and
    /// download links that were handed out before are no longer good: everybody logs in again.
    Rekey(Rekey),
    /// Print the version.
    Version,
    /// Make certificates for HTTPS.
    #[command(subcommand, arg_required_else_help = true)]
    Tls(TlsCommand),
}

/// The commands about accounts.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Make an account and print the key of its root, as a profile for AWS's credentials file.
    ///
    /// The profile has the name of the account. The secret is shown this once.
    Create(AccountCreate),
    /// Print the accounts, a line each: id, when it was made, and its alias or a hyphen.
    List(AccountList),
    /// Remove an account with its users, groups, roles, policies and keys.
    ///
    /// All its credentials are refused from the next call on. Its id can be used again, and nothing
    /// of the old account comes back then. Refused while it has repositories.
    Close(AccountClose),
}

/// The options of `wharf account create`.
#[derive(Args)]
pub struct AccountCreate {
    /// The id of the new account: twelve digits.
    #[arg(long, value_name = "ID")]
    pub id: AccountId,
    /// A name for it: 3 to 63 lower-case letters, digits and hyphens.
    #[arg(long, value_name = "NAME")]
    pub alias: Option<String>,
    /// The configuration.
    #[command(flatten)]
    pub settings: Settings,
}

/// The options of `wharf account list`.
#[derive(Args)]
pub struct AccountList {
    /// The configuration.
    #[command(flatten)]
    pub settings: Settings,
}

/// The options of `wharf account close`.
#[derive(Args)]
pub struct AccountClose {
    /// The account.
    #[arg(long, value_name = "ID")]
    pub id: AccountId,
    /// Delete its repositories, in all Regions, with all their images.
    #[arg(long)]
    pub delete_repositories: bool,
    /// The configuration.
    #[command(flatten)]
    pub settings: Settings,
}

/// The options of `wharf check`.
#[derive(Args)]
pub struct CheckArgs {
    /// Check only what this repository of the configured account and Region holds.
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
    /// Read at most so much in a second, such as 100MiB; without it, as fast as the disk gives.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub rate: Option<u64>,
    /// Repair what can be repaired, and put damaged bytes into quarantine, so that the next push
    /// heals them. With the embedded database, the server must be stopped.
    #[arg(long)]
    pub repair: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// The configuration.
    #[command(flatten)]
    pub settings: Settings,
}

/// A number of bytes with a unit, such as 100MiB.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, unit) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor: Option<u64> = match unit.trim() {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        "kB" => Some(1_000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        _ => None,
    };
    let number: Option<u64> = digits.parse().ok();
    let whole = number.zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    whole.filter(|bytes| *bytes > 0).ok_or_else(|| {
        "this is not a number of bytes such as 1048576, 500KiB, 100MiB or 1GB".to_owned()
    })
}

/// The options of `wharf rekey`.
#[derive(Args)]
pub struct Rekey {
    /// The file with the new installation key; one is made if it is not there.
    #[arg(long, value_name = "PATH")]
    pub new_key_file: PathBuf,
    /// The configuration, with the present installation key.
    #[command(flatten)]
    pub settings: Settings,
}

/// The options of `wharf config`.
#[derive(Args)]
pub struct ConfigArgs {
    /// Print the reference of all keys as a Markdown table instead.
    #[arg(long)]
    pub reference: bool,
    /// The configuration.
    #[command(flatten)]
    pub settings: Settings,
}

/// The options of `wharf copy`.
#[derive(Args)]
pub struct Copy {
    /// What to copy: a data folder, or a configuration file (TOML).
    #[arg(long, value_name = "FOLDER|FILE")]
    pub from: PathBuf,
    /// Where to: a data folder, or a configuration file (TOML). Empty, or a copy begun before.
    #[arg(long, value_name = "FOLDER|FILE")]
    pub to: PathBuf,
    /// How many blobs are copied at the same time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub at_once: u8,
}

/// The options of `wharf backup`.
#[derive(Args)]
pub struct Backup {
    /// The folder of the backup; a new one, or that of an earlier backup of this installation.
    #[arg(long, value_name = "FOLDER")]
    pub to: PathBuf,
    /// Put the installation key into the folder too. Whoever has both can open every secret.
    #[arg(long)]
    pub with_key: bool,
    /// The configuration.
    #[command(flatten)]
    pub settings: Settings,
}

/// The options of `wharf restore`.
#[derive(Args)]
pub struct Restore {
    /// Where the registry comes from.
    #[command(flatten)]
    pub from: RestoreFrom,
    /// The configuration.
    #[command(flatten)]
    pub settings: Settings,
}

/// What is restored: one of the two.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct RestoreFrom {
    /// The folder of the backup.
    #[arg(long = "from", value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// The engines' own tools have put database and blobs back: drop the uploads, and let the
    /// sweep remove nothing for a blob_grace. No server may be running.
    #[arg(long)]
    pub in_place: bool,
}

/// The commands about TLS.
#[derive(Subcommand)]
pub enum TlsCommand {
    /// Make a private certificate authority and a server certificate under <data>/tls.
    ///
    /// The certificate is for localhost, 127.0.0.1, ::1, the registry hosts of the Region under
    /// localhost, and each --host. An authority that is there already is kept and signs a new
    /// server certificate, so that clients which trust it need nothing new.
    Init(TlsInit),
}

/// The options of `wharf tls init`.
#[derive(Args)]
pub struct TlsInit {
    /// Another name or IP address that the certificate is for; may be given more than once, and
    /// may begin with a wildcard label (*.example.com).
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// How many days the server certificate is valid. Apple's systems accept no more than 825.
    #[arg(long, default_value_t = 825, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub days: u16,
    /// The configuration.
    #[command(flatten)]
    pub settings: Settings,
}

/// The flags that mirror the configuration keys.
#[derive(Clone, Default)]
pub struct Settings(pub Flags);

impl Settings {
    fn flags() -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(|key| key.kind != Kind::Secret)
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .help("The configuration file, TOML. [env: WHARF_CONFIG]")
            .value_parser(clap::value_parser!(PathBuf));
        Self::flags().map(argument).fold(command.arg(file), Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(key: &'static Key) -> Arg {
    let default = match key.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let help = format!("{}{default} [env: {}]", key.doc, key.variable());
    let argument = Arg::new(key.name)
        .help_heading(key.heading())
        .long(key.flag())
        .value_name(key.placeholder())
        .help(help);
    match key.kind {
        Kind::Choice(choices) => argument.value_parser(choices.to_vec()).hide_possible_values(true),
        // The bare flag switches it on.
        Kind::Switch => argument.num_args(0..=1).default_missing_value("on"),
        _ => argument,
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = Self::flags().filter_map(|key| {
            let value = matches.get_one::<String>(key.name)?;
            Some((key.name, value.clone()))
        });
        Ok(Self(Flags {
            values: given.collect(),
            config: matches.get_one::<PathBuf>("config").cloned(),
        }))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_key_but_secrets_is_a_flag_and_is_explained() {
        let mut command = Cli::command();
        let help = command.find_subcommand_mut("serve").unwrap().render_long_help().to_string();
        for key in &KEYS {
            let flag = format!("--{} ", key.flag());
            assert_eq!(help.contains(&flag), key.kind != Kind::Secret, "{}", key.name);
            assert!(key.kind == Kind::Secret || help.contains(&key.variable()), "{}", key.name);
        }
    }

    #[test]
    fn flags_are_taken_by_name() {
        let line = ["wharf", "serve", "--registry-host", "r.example.com", "--config", "w.toml"];
        let Commands::Serve(Settings(flags)) = Cli::try_parse_from(line).unwrap().command else {
            panic!("not serve");
        };
        assert_eq!(flags.values, [("registry_host", "r.example.com".to_owned())]);
        assert_eq!(flags.config, Some("w.toml".into()));
    }

    #[test]
    fn a_switch_alone_is_on() {
        for (line, expected) in [
            (&["wharf", "serve", "--read-only", "--data", "d"][..], "on"),
            (&["wharf", "serve", "--data", "d", "--read-only"], "on"),
            (&["wharf", "serve", "--read-only", "off", "--data", "d"], "off"),
        ] {
            let Commands::Serve(Settings(flags)) = Cli::try_parse_from(line).unwrap().command
            else {
                panic!("not serve");
            };
            let expected = [("data", "d".to_owned()), ("read_only", expected.to_owned())];
            assert_eq!(flags.values, expected, "{line:?}");
        }
    }

    #[test]
    fn rates_have_units() {
        let good =
            [("1", 1), ("7B", 7), ("2KiB", 2048), ("100MiB", 104_857_600), ("3GB", 3_000_000_000)];
        for (text, number) in good {
            assert_eq!(bytes(text), Ok(number), "{text}");
        }
        for text in ["", "0", "MiB", "1.5MiB", "-1", "10 parsecs", "1mib", "99999999999GiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_to_do_shows_the_help() {
        let error = Cli::try_parse_from(["wharf"]).err().unwrap();
        let shown = clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        assert_eq!(error.kind(), shown);
    }
}
