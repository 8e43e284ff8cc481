//! What is said of the stored secrets as a whole: whether there are any, and whether they open.

use wharf_db::{Db, statement};

use crate::{Error, Identity};

statement! {
    ANY_SECRET = "SELECT id FROM access_keys LIMIT 1";
    SECRETS = "SELECT id, account_id, secret FROM access_keys ORDER BY id";
}

/// Whether the database holds anything that an installation key has sealed.
pub async fn holds_secrets(db: &Db) -> Result<bool, Error> {
    Ok(db.optional::<(String,)>(&ANY_SECRET, ()).await?.is_some())
}

impl Identity {
    /// Whether there is a secret that opens with this installation key: if there are some and none
    /// does, it is another installation's key.
    pub async fn opens_any_secret(&self) -> Result<bool, Error> {
        let keys = self.db.all::<(String, String, Vec<u8>)>(&SECRETS, ()).await?;
        Ok(keys.iter().any(|(id, _, sealed)| self.key.open(id, sealed).is_ok()))
    }

    /// Access keys, inactive ones too, whose secrets do not open with this installation key: each
    /// with its account.
    pub async fn unopenable_secrets(&self) -> Result<Vec<(String, String)>, Error> {
        let keys = self.db.all::<(String, String, Vec<u8>)>(&SECRETS, ()).await?;
        let unopenable =
            keys.into_iter().filter(|(id, _, sealed)| self.key.open(id, sealed).is_err());
        Ok(unopenable.map(|(id, account, _)| (id, account)).collect())
    }
}
