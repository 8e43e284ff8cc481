//! Login profiles: the password with which a user signs in to the console. Without one there is no
//! way in but by access keys.
//!
//! Source: "Managing passwords for IAM users", User Guide.

use wharf_db::{Tx, statement, tx};
use wharf_policy::AccountId;

use crate::entity::{self, Entity, Kind};
use crate::{Error, Identity, password};

/// What is told of a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginProfile {
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Whether the user must choose another one first.
    pub reset_required: bool,
    /// Milliseconds since 1970; None if nobody ever signed in.
    pub last_used: Option<i64>,
}

/// Who has signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    pub user: Entity,
    pub reset_required: bool,
}

statement! {
    FIND = "SELECT created_at, reset_required, last_used_at FROM login_profiles
            WHERE user_id = $1";
    PASSWORD = "SELECT password, reset_required FROM login_profiles WHERE user_id = $1";
    INSERT = "INSERT INTO login_profiles (user_id, password, reset_required, created_at)
              VALUES ($1, $2, $3, $4)";
    SET_PASSWORD = "UPDATE login_profiles SET password = $2 WHERE user_id = $1";
    SET_RESET = "UPDATE login_profiles SET reset_required = $2 WHERE user_id = $1";
    CHANGE = "UPDATE login_profiles SET password = $3, reset_required = 0
              WHERE user_id = $1 AND password = $2";
    USE = "UPDATE login_profiles SET last_used_at = $2 WHERE user_id = $1";
    DELETE = "DELETE FROM login_profiles WHERE user_id = $1";
}

type Row = (i64, bool, Option<i64>);

impl Identity {
    /// Gives a user a password.
    pub async fn create_login_profile(
        &self,
        account: &AccountId,
        user: &str,
        password: &str,
        reset_required: bool,
        now: i64,
    ) -> Result<LoginProfile, Error> {
        let found = self.entity(account, Kind::User, user).await?;
        password::check(password)?;
        let hash = password::hash(password).await?;
        tx!(self.db, |tx| {
            let user = still_there(tx, &found).await?;
            if tx.optional::<Row>(&FIND, (user.id.as_str(),)).await?.is_some() {
                return Err(Error::LoginProfileExists(user.name));
            }
            tx.execute(&INSERT, (user.id.as_str(), hash.as_str(), reset_required, now)).await?;
            Ok(LoginProfile { created_at: now, reset_required, last_used: None })
        })
    }

    /// What is told of a user's password.
    pub async fn login_profile(
        &self,
        account: &AccountId,
        user: &str,
    ) -> Result<LoginProfile, Error> {
        let user = self.entity(account, Kind::User, user).await?;
        let row = self.db.optional::<Row>(&FIND, (user.id.as_str(),)).await?;
        row.map(read).ok_or(Error::NoSuchLoginProfile(user.name))
    }

    /// Changes what is given, and nothing else.
    pub async fn update_login_profile(
        &self,
        account: &AccountId,
        user: &str,
        password: Option<&str>,
        reset_required: Option<bool>,
    ) -> Result<(), Error> {
        let found = self.entity(account, Kind::User, user).await?;
        let hash = match password {
            Some(password) => {
                password::check(password)?;
                Some(password::hash(password).await?)
            }
            None => None,
        };
        tx!(self.db, |tx| {
            let user = still_there(tx, &found).await?;
            find(tx, &user).await?;
            if let Some(hash) = &hash {
                tx.execute(&SET_PASSWORD, (user.id.as_str(), hash.as_str())).await?;
            }
            if let Some(reset_required) = reset_required {
                tx.execute(&SET_RESET, (user.id.as_str(), reset_required)).await?;
            }
            Ok(())
        })
    }

    /// Takes a user's password away.
    pub async fn delete_login_profile(&self, account: &AccountId, user: &str) -> Result<(), Error> {
        tx!(self.db, |tx| {
            let user = entity::find(tx, account, Kind::User, user).await?;
            find(tx, &user).await?;
            tx.execute(&DELETE, (user.id.as_str(),)).await?;
            Ok(())
        })
    }

    /// Lets the user with this id choose another password, who must know the present one.
    pub async fn change_password(&self, user_id: &str, old: &str, new: &str) -> Result<(), Error> {
        let stored = self.db.optional::<(String, bool)>(&PASSWORD, (user_id,)).await?;
        let stored = stored.map(|(password, _)| password);
        if !password::is_right(old, stored.as_deref()).await? {
            return Err(Error::WrongPassword);
        }
        password::check(new)?;
        let (hash, stored) = (password::hash(new).await?, stored.unwrap_or_default());
        let changed = tx!(self.db, |tx| {
            let values = (user_id, stored.as_str(), hash.as_str());
            tx.execute(&CHANGE, values).await.map_err(Error::from)
        })?;
        // Somebody else has changed it meanwhile.
        if changed == 0 { Err(Error::WrongPassword) } else { Ok(()) }
    }

    /// The user of this name, if the password is right. Takes as long for those who are not there.
    /// How often one may try is up to whoever asks.
    pub async fn sign_in(
        &self,
        account: &AccountId,
        user: &str,
        password: &str,
        now: i64,
    ) -> Result<Option<SignedIn>, Error> {
        let user = match self.entity(account, Kind::User, user).await {
            Ok(user) => Some(user),
            Err(Error::NoSuchEntity { .. }) => None,
            Err(error) => return Err(error),
        };
        let id = user.as_ref().map(|user| user.id.as_str()).unwrap_or_default();
        let stored = self.db.optional::<(String, bool)>(&PASSWORD, (id,)).await?;
        let (stored, reset_required) = stored.unzip();
        if !password::is_right(password, stored.as_deref()).await? {
            return Ok(None);
        }
        tx!(self.db, |tx| tx.execute(&USE, (id, now)).await.map_err(Error::from))?;
        let reset_required = reset_required.unwrap_or(false);
        Ok(user.map(|user| SignedIn { user, reset_required }))
    }
}

async fn still_there(tx: &mut Tx, user: &Entity) -> Result<Entity, Error> {
    let absent = || Error::NoSuchEntity { kind: Kind::User, name: user.name.clone() };
    entity::find_by_id(tx, &user.id).await?.ok_or_else(absent)
}

async fn find(tx: &mut Tx, user: &Entity) -> Result<LoginProfile, Error> {
    let row = tx.optional::<Row>(&FIND, (user.id.as_str(),)).await?;
    row.map(read).ok_or_else(|| Error::NoSuchLoginProfile(user.name.clone()))
}

fn read((created_at, reset_required, last_used): Row) -> LoginProfile {
    LoginProfile { created_at, reset_required, last_used }
}
