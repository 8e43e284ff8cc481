//! Accounts, and the alias that one may have. Each account is an island unless a policy says
//! otherwise. The keys of its root are in `root`.

use wharf_db::{statement, tx};
use wharf_policy::AccountId;

use crate::entity;
use crate::{Error, GivenKey, Identity, RootKey};

/// An account as a listing shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    pub id: AccountId,
    pub alias: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

statement! {
    LIST = "SELECT a.id, l.alias, a.created_at FROM accounts a
            LEFT JOIN account_aliases l ON l.account_id = a.id ORDER BY a.id";
    FIND = "SELECT id FROM accounts WHERE id = $1";
    DELETE = "DELETE FROM accounts WHERE id = $1";
    ALIAS = "SELECT alias FROM account_aliases WHERE account_id = $1";
    BY_ALIAS = "SELECT account_id FROM account_aliases WHERE alias = $1";
    SET_ALIAS = "INSERT INTO account_aliases (account_id, alias) VALUES ($1, $2)
                 ON CONFLICT (account_id) DO UPDATE SET alias = excluded.alias";
    DELETE_ALIAS = "DELETE FROM account_aliases WHERE account_id = $1";
}

impl Identity {
    /// All accounts, by id.
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        let rows = self.db.all::<(String, Option<String>, i64)>(&LIST, ()).await?;
        rows.into_iter()
            .map(|(id, alias, created_at)| {
                Ok(Account { id: entity::account_of(&id)?, alias, created_at })
            })
            .collect()
    }

    /// Whether the account is there.
    pub async fn has_account(&self, account: &AccountId) -> Result<bool, Error> {
        Ok(self.db.optional::<(String,)>(&FIND, (account.as_str(),)).await?.is_some())
    }

    /// Makes an account with a key of its root, the given one or a new one.
    ///
    /// # Errors
    /// If it is there already, or its alias is another's.
    pub async fn create_account(
        &self,
        account: &AccountId,
        alias: Option<&str>,
        given: Option<GivenKey>,
        now: i64,
    ) -> Result<RootKey, Error> {
        if let Some(alias) = alias {
            check_alias(alias)?;
        }
        if self.has_account(account).await? {
            return Err(Error::AccountExists(account.to_string()));
        }
        if let Some(alias) = alias
            && self.account_of_alias(alias).await?.is_some()
        {
            return Err(Error::AliasAlreadyExists(alias.to_owned()));
        }
        let key = self.ensure_root(account, given, now).await?;
        if !key.created {
            return Err(Error::AccountExists(account.to_string()));
        }
        if let Some(alias) = alias
            && let Err(error) = self.set_alias(account, alias).await
        {
            // Somebody else has taken it meanwhile. Nobody has seen the key, so nothing is lost.
            self.close_account(account).await?;
            return Err(error);
        }
        Ok(key)
    }

    /// Removes an account with its users, groups, roles, policies and keys, all of which are nothing
    /// from the next call on. What it has in registries must be gone.
    pub async fn close_account(&self, account: &AccountId) -> Result<(), Error> {
        let closed = tx!(self.db, |tx| {
            self.changes(tx);
            if tx.optional::<(String,)>(&FIND, (account.as_str(),)).await?.is_none() {
                return Err(Error::NoSuchAccount(account.to_string()));
            }
            tx.execute(&DELETE, (account.as_str(),)).await?;
            Ok(())
        });
        match closed {
            Err(Error::Db(error)) if error.is_foreign_key_violation() => {
                Err(Error::AccountInUse(account.to_string()))
            }
            closed => closed,
        }
    }

    /// The alias of an account.
    pub async fn alias(&self, account: &AccountId) -> Result<Option<String>, Error> {
        let found = self.db.optional::<(String,)>(&ALIAS, (account.as_str(),)).await?;
        Ok(found.map(|(alias,)| alias))
    }

    /// The account that has the alias.
    pub async fn account_of_alias(&self, alias: &str) -> Result<Option<AccountId>, Error> {
        let found = self.db.optional::<(String,)>(&BY_ALIAS, (alias,)).await?;
        found.map(|(account,)| entity::account_of(&account)).transpose()
    }

    /// Gives the account an alias, in the place of one that it has.
    pub async fn set_alias(&self, account: &AccountId, alias: &str) -> Result<(), Error> {
        check_alias(alias)?;
        tx!(self.db, |tx| {
            match tx.optional::<(String,)>(&BY_ALIAS, (alias,)).await? {
                Some((owner,)) if owner == account.as_str() => return Ok(()),
                Some(_) => return Err(Error::AliasAlreadyExists(alias.to_owned())),
                None => {}
            }
            tx.execute(&SET_ALIAS, (account.as_str(), alias)).await?;
            Ok(())
        })
    }

    /// Takes the alias away.
    pub async fn delete_alias(&self, account: &AccountId, alias: &str) -> Result<(), Error> {
        tx!(self.db, |tx| {
            let found = tx.optional::<(String,)>(&ALIAS, (account.as_str(),)).await?;
            if found.is_none_or(|(present,)| present != alias) {
                return Err(Error::NoSuchAlias(alias.to_owned()));
            }
            tx.execute(&DELETE_ALIAS, (account.as_str(),)).await?;
            Ok(())
        })
    }
}

/// 3 to 63 lower-case letters, digits and single hyphens inside; not twelve digits, which are an id.
fn check_alias(alias: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let hyphens = alias.starts_with('-') || alias.ends_with('-') || alias.contains("--");
    let is_id = alias.parse::<AccountId>().is_ok();
    if (3..=63).contains(&alias.len()) && alias.bytes().all(allowed) && !hyphens && !is_id {
        return Ok(());
    }
    Err(Error::Validation(
        "1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$"
            .to_owned(),
    ))
}
