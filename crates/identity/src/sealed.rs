//! What is said of the stored secrets as a whole: whether there are any, and whether they open.

use wharf_db::{Db, statement, tx};

use crate::{Error, Identity, InstallationKey};

statement! {
    ANY_SECRET = "SELECT id FROM access_keys LIMIT 1";
    SECRETS = "SELECT id, account_id, secret FROM access_keys ORDER BY id";
    RESEAL = "UPDATE access_keys SET secret = $2 WHERE id = $1";
}

/// Whether the database holds anything that an installation key has sealed.
pub async fn holds_secrets(db: &Db) -> Result<bool, Error> {
    Ok(db.optional::<(String,)>(&ANY_SECRET, ()).await?.is_some())
}

impl Identity {
    /// Seals every stored secret anew, with `key`; all or none. Gives how many there are. Tokens,
    /// links and sessions that were handed out under the old key are then good nowhere.
    ///
    /// # Errors
    /// If one of them does not open with the present key.
    pub async fn reseal(&self, key: &InstallationKey) -> Result<usize, Error> {
        tx!(self.db, |tx| {
            let keys = tx.all::<(String, String, Vec<u8>)>(&SECRETS, ()).await?;
            let mut sealed = Vec::with_capacity(keys.len());
            for (id, _, old) in &keys {
                sealed.push((id, key.seal(id, &self.key.open(id, old)?)?));
            }
            let count = sealed.len();
            for (id, secret) in sealed {
                tx.execute(&RESEAL, (id.as_str(), secret)).await?;
            }
            self.changes(tx);
            Ok(count)
        })
    }

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
