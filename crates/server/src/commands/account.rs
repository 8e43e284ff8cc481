//! `wharf account`: makes, lists and closes accounts. Beside a running server, which does it where it
//! has the database for itself; else by itself.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use wharf_db::{Db, Error};
use wharf_identity::Identity;
use wharf_registry::{Registry, Settings};

use super::print;
use crate::accounts::{Account, Accounts, Answer, Request};
use crate::cli::AccountCommand;
use crate::config::Config;
use crate::{admin, folder, start};

pub(super) fn account(command: AccountCommand) -> anyhow::Result<ExitCode> {
    let (settings, request) = match command {
        AccountCommand::Create(args) => {
            (args.settings, Request::Create { id: args.id, alias: args.alias })
        }
        AccountCommand::List(args) => (args.settings, Request::List),
        AccountCommand::Close(args) => {
            let repositories = args.delete_repositories;
            (args.settings, Request::Close { id: args.id, repositories })
        }
    };
    let config = Config::read(&settings.0)?;
    let named = match &request {
        Request::Create { id, .. } | Request::Close { id, .. } => id.to_string(),
        Request::List => String::new(),
    };
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match runtime.block_on(answer(&config, request))? {
        Answer::Refused(sentence) => bail!(sentence),
        answer => print(&told(&named, &answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn told(named: &str, answer: &Answer) -> String {
    match answer {
        Answer::Created { id, secret } => {
            format!("[{named}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
        }
        Answer::List(accounts) => accounts.iter().map(line).collect(),
        Answer::Closed { repositories: 0 } => format!("closed account {named}\n"),
        Answer::Closed { repositories: 1 } => {
            format!("closed account {named} and deleted 1 repository\n")
        }
        Answer::Closed { repositories } => {
            format!("closed account {named} and deleted {repositories} repositories\n")
        }
        Answer::Refused(sentence) => format!("{sentence}\n"),
    }
}

fn line(account: &Account) -> String {
    let alias = account.alias.as_deref().unwrap_or("-");
    format!("{} {} {alias}\n", account.id, account.created)
}

async fn answer(config: &Config, request: Request) -> anyhow::Result<Answer> {
    let Some(db) = database(config).await? else {
        return admin::ask(&config.data, &request);
    };
    let answer = match accounts(config, &db).await {
        Ok(accounts) => Ok(accounts.answer(request).await),
        Err(error) => Err(error),
    };
    db.close().await;
    answer
}

/// The database; None if a server has it for itself. None is made here: what an installation is
/// begins with its first start.
async fn database(config: &Config) -> anyhow::Result<Option<Db>> {
    if config.database_url.is_some() {
        return start::open_database(config).await.map(Some);
    }
    let path = config.data.join("wharf.db");
    if !path.exists() {
        bail!("there is no database {}; name the data folder with --data", path.display());
    }
    match Db::sqlite(&path).await {
        Ok(db) => Ok(Some(db)),
        Err(Error::Locked(_)) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", path.display())),
    }
}

async fn accounts(config: &Config, db: &Db) -> anyhow::Result<Accounts> {
    if !wharf_identity::holds_secrets(db).await? {
        bail!("nothing was ever served from this database; start `wharf serve` on it first");
    }
    let identity = Identity::new(db.clone(), folder::installation_key(config)?);
    if !identity.opens_any_secret().await? {
        let key = config.secret_key_file.display();
        return Err(wharf_identity::Error::WrongInstallationKey).context(format!("with {key}"));
    }
    let store = start::open_store(config).await?;
    let clock = start::system_clock();
    Ok(Accounts {
        identity,
        registry: Registry::new(db.clone(), store, Arc::clone(&clock), Settings::default()),
        clock,
        own: config.account.parse()?,
        read_only: config.read_only,
    })
}
