//! What `wharf account` does, wherever it is done: in the running server, which has the embedded
//! database for itself, or in the command, beside replicas or while nothing is served.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wharf_identity::Identity;
use wharf_policy::AccountId;
use wharf_registry::{Clock, Registry};

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    Create {
        id: AccountId,
        alias: Option<String>,
    },
    List,
    Close {
        id: AccountId,
        /// Whether its repositories are to go too.
        repositories: bool,
    },
}

/// What came of it. A secret may be in it, so it has no `Debug`.
#[derive(Serialize, Deserialize)]
pub enum Answer {
    /// The key of the new account's root.
    Created {
        id: String,
        secret: String,
    },
    List(Vec<Account>),
    /// How many repositories went.
    Closed {
        repositories: u64,
    },
    /// A sentence for the operator.
    Refused(String),
}

/// A line of the list.
#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// ISO 8601.
    pub created: String,
    pub alias: Option<String>,
}

/// The rooms that accounts are kept in.
#[derive(Clone)]
pub struct Accounts {
    pub identity: Identity,
    pub registry: Registry,
    pub clock: Clock,
    /// The account of the configuration, which every start would make again.
    pub own: AccountId,
    pub read_only: bool,
}

/// How many repositories a refusal names.
const NAMED: usize = 3;

impl Accounts {
    /// Does it, or says why not.
    pub async fn answer(&self, request: Request) -> Answer {
        let done = match request {
            Request::List => self.list().await,
            _ if self.read_only => Err(anyhow::anyhow!("the server is read-only (read_only)")),
            Request::Create { id, alias } => self.create(&id, alias.as_deref()).await,
            Request::Close { id, repositories } => self.close(&id, repositories).await,
        };
        done.unwrap_or_else(|error| Answer::Refused(format!("{error:#}")))
    }

    async fn create(&self, id: &AccountId, alias: Option<&str>) -> anyhow::Result<Answer> {
        let key = self.identity.create_account(id, alias, None, (self.clock)()).await?;
        tracing::info!(account = %id, "made an account");
        Ok(Answer::Created { id: key.id, secret: key.secret })
    }

    async fn list(&self) -> anyhow::Result<Answer> {
        let accounts = self.identity.accounts().await?.into_iter().map(|account| {
            let created = Timestamp::from_second(account.created_at.div_euclid(1000));
            let created = created.map(|time| time.to_string()).unwrap_or_default();
            Account { id: account.id, created, alias: account.alias }
        });
        Ok(Answer::List(accounts.collect()))
    }

    async fn close(&self, id: &AccountId, repositories: bool) -> anyhow::Result<Answer> {
        if *id == self.own {
            anyhow::bail!(
                "{id} is the account of this configuration, which the next start would make again"
            );
        }
        if !self.identity.has_account(id).await? {
            anyhow::bail!("the account {id} does not exist");
        }
        let found = self.registry.repositories_of(id, NAMED as i64 + 1).await?;
        if !found.is_empty() && !repositories {
            anyhow::bail!(
                "the account {id} has repositories ({}). Delete them, or close the account with \
                 --delete-repositories, which deletes them with all their images",
                names(&found)
            );
        }
        let repositories = self.registry.delete_repositories_of(id).await?;
        self.identity.close_account(id).await?;
        tracing::info!(account = %id, repositories, "closed an account");
        Ok(Answer::Closed { repositories })
    }
}

fn names(found: &[(String, String)]) -> String {
    let mut names: Vec<String> =
        found.iter().take(NAMED).map(|(region, name)| format!("{name} in {region}")).collect();
    if found.len() > NAMED {
        names.push("…".to_owned());
    }
    names.join(", ")
}
