//! The access keys of users, and of the root: made, switched off and on, deleted, listed.
//!
//! Source: "Managing access keys for IAM users", User Guide.

use wharf_db::{Tx, statement, tx};
use wharf_policy::AccountId;

use crate::error::quota;
use crate::{Error, Identity, Kind, entity, limit, random};

/// Whose keys: a user's by id, or the root's.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub account: &'a AccountId,
    /// The user's id; None for the root.
    pub user: Option<&'a str>,
}

/// A key without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyShape {
    pub id: String,
    pub is_active: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// When and for what a key was used last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LastUse {
    /// The name of the user whose key it is; None for the root's.
    pub user: Option<String>,
    /// Milliseconds since 1970; None if never.
    pub at: Option<i64>,
    pub service: Option<String>,
    pub region: Option<String>,
}

statement! {
    INSERT = "INSERT INTO access_keys (id, account_id, user_id, secret, active, created_at)
              VALUES ($1, $2, $3, $4, 1, $5)";
    OF_USER = "SELECT id, active, created_at FROM access_keys
               WHERE user_id = $2 AND account_id = $1 ORDER BY id";
    OF_ROOT = "SELECT id, active, created_at FROM access_keys
               WHERE account_id = $1 AND user_id IS NULL ORDER BY id";
    OWNED = "SELECT id FROM access_keys
             WHERE id = $3 AND account_id = $1 AND COALESCE(user_id, '') = $2";
    SWITCH = "UPDATE access_keys SET active = $2 WHERE id = $1";
    DELETE = "DELETE FROM access_keys WHERE id = $1";
    LAST_USE = "SELECT e.name, k.last_used_at, k.last_used_service, k.last_used_region
                FROM access_keys k LEFT JOIN entities e ON e.id = k.user_id
                WHERE k.account_id = $1 AND k.id = $2";
}

impl Identity {
    /// Makes a key: its shape and its secret, which is told this once.
    pub async fn create_key(
        &self,
        owner: Owner<'_>,
        now: i64,
    ) -> Result<(KeyShape, String), Error> {
        let (id, secret) = (random::access_key_id(owner.account)?, random::secret()?);
        let sealed = self.key.seal(&id, secret.as_bytes())?;
        tx!(self.db, |tx| {
            check_room(tx, owner).await?;
            let account = owner.account.as_str();
            let values = (id.as_str(), account, owner.user, sealed.clone(), now);
            tx.execute(&INSERT, values).await?;
            Ok::<_, Error>(())
        })?;
        Ok((KeyShape { id, is_active: true, created_at: now }, secret))
    }

    /// The keys, by id. There are few.
    pub async fn keys(&self, owner: Owner<'_>) -> Result<Vec<KeyShape>, Error> {
        type Row = (String, bool, i64);
        let account = owner.account.as_str();
        let rows = match owner.user {
            Some(user) => self.db.all::<Row>(&OF_USER, (account, user)).await?,
            None => self.db.all::<Row>(&OF_ROOT, (account,)).await?,
        };
        let shape = |(id, is_active, created_at)| KeyShape { id, is_active, created_at };
        Ok(rows.into_iter().map(shape).collect())
    }

    /// Switches a key on or off; from the next call on.
    pub async fn switch_key(
        &self,
        owner: Owner<'_>,
        id: &str,
        is_active: bool,
    ) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            check_owner(tx, owner, id).await?;
            tx.execute(&SWITCH, (id, is_active)).await?;
            Ok(())
        })
    }

    /// Deletes a key; it opens nothing from the next call on.
    pub async fn delete_key(&self, owner: Owner<'_>, id: &str) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            check_owner(tx, owner, id).await?;
            tx.execute(&DELETE, (id,)).await?;
            Ok(())
        })
    }

    /// When the key was used last; None if the account has no such key.
    pub async fn key_last_used(
        &self,
        account: &AccountId,
        id: &str,
    ) -> Result<Option<LastUse>, Error> {
        type Row = (Option<String>, Option<i64>, Option<String>, Option<String>);
        let row = self.db.optional::<Row>(&LAST_USE, (account.as_str(), id)).await?;
        Ok(row.map(|(user, at, service, region)| LastUse { user, at, service, region }))
    }
}

/// Refuses one key more than there may be, and keys of a user who is deleted.
async fn check_room(tx: &mut Tx, owner: Owner<'_>) -> Result<(), Error> {
    type Row = (String, bool, i64);
    let account = owner.account.as_str();
    let keys = match owner.user {
        Some(user) => {
            let absent = || Error::NoSuchEntity { kind: Kind::User, name: user.to_owned() };
            entity::find_by_id(tx, user).await?.ok_or_else(absent)?;
            tx.all::<Row>(&OF_USER, (account, user)).await?
        }
        None => tx.all::<Row>(&OF_ROOT, (account,)).await?,
    };
    match (keys.len() as i64) < limit::ACCESS_KEYS {
        true => Ok(()),
        false => Err(quota("AccessKeysPerUser", limit::ACCESS_KEYS)),
    }
}

async fn check_owner(tx: &mut Tx, owner: Owner<'_>, id: &str) -> Result<(), Error> {
    let values = (owner.account.as_str(), owner.user.unwrap_or_default(), id);
    match tx.optional::<(String,)>(&OWNED, values).await? {
        Some(_) => Ok(()),
        None => Err(Error::NoSuchAccessKey(id.to_owned())),
    }
}
