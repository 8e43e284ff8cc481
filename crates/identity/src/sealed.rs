//! Whether the stored secrets still open, for the check of an installation.

use wharf_db::statement;

use crate::{Error, Identity};

statement! {
    SECRETS = "SELECT id, account_id, secret FROM access_keys ORDER BY id";
}

impl Identity {
    /// Access keys, inactive ones too, whose secrets do not open with this installation key: each
    /// with its account.
    pub async fn unopenable_secrets(&self) -> Result<Vec<(String, String)>, Error> {
        let keys = self.db.all::<(String, String, Vec<u8>)>(&SECRETS, ()).await?;
        let unopenable =
            keys.into_iter().filter(|(id, _, sealed)| self.key.open(id, sealed).is_err());
        Ok(unopenable.map(|(id, account, _)| (id, account)).collect())
    }
}
