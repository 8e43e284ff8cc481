//! The root of an account and its key: made once, at the first start.

use wharf_db::{statement, tx};
use wharf_policy::AccountId;

use crate::access_key::is_well_formed;
use crate::{Error, Identity, random};

/// An access key in the clear, for the operator's credentials file.
pub struct RootKey {
    pub id: String,
    pub secret: String,
    /// Whether it was made by this call.
    pub created: bool,
}

/// A key pair that the operator brings along.
pub struct GivenKey {
    pub id: String,
    pub secret: String,
}

statement! {
    ADD_ACCOUNT = "INSERT INTO accounts (id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    NEWEST_KEY = "SELECT id, secret FROM access_keys
                  WHERE account_id = $1 AND user_id IS NULL AND active = 1
                  ORDER BY created_at DESC, id LIMIT 1";
    PUT_KEY = "INSERT INTO access_keys (id, account_id, secret, active, created_at)
               VALUES ($1, $2, $3, 1, $4)
               ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id, user_id = NULL,
                   secret = excluded.secret, active = 1, created_at = excluded.created_at";
    RETIRE_OTHERS = "UPDATE access_keys SET active = 0
                     WHERE account_id = $1 AND user_id IS NULL AND id <> $2";
}

impl Identity {
    /// Makes the account if it is not there, and sees to it that its root has a key: the given one
    /// (which ends every other key of the root, so that a leaked one is replaced by a restart), else
    /// the one it has, else a new one.
    pub async fn ensure_root(
        &self,
        account: &AccountId,
        given: Option<GivenKey>,
        now: i64,
    ) -> Result<RootKey, Error> {
        if let Some(given) = &given {
            check(given)?;
        }
        tx!(self.db, |tx| {
            tx.execute(&ADD_ACCOUNT, (account.as_str(), now)).await?;
            let newest = tx
                .optional::<(String, Vec<u8>)>(&NEWEST_KEY, (account.as_str(),))
                .await?
                .map(|(id, sealed)| self.unsealed(id, &sealed))
                .transpose()?;
            let wanted = match (&given, newest) {
                (Some(given), Some(newest))
                    if newest.id == given.id && newest.secret == given.secret =>
                {
                    return Ok(newest);
                }
                (Some(given), _) => (given.id.clone(), given.secret.clone()),
                (None, Some(newest)) => return Ok(newest),
                (None, None) => (random::access_key_id(account)?, random::secret()?),
            };
            self.changes(tx);
            let sealed = self.key.seal(&wanted.0, wanted.1.as_bytes())?;
            tx.execute(&PUT_KEY, (wanted.0.as_str(), account.as_str(), sealed, now)).await?;
            tx.execute(&RETIRE_OTHERS, (account.as_str(), wanted.0.as_str())).await?;
            Ok(RootKey { id: wanted.0, secret: wanted.1, created: true })
        })
    }

    fn unsealed(&self, id: String, sealed: &[u8]) -> Result<RootKey, Error> {
        let secret = String::from_utf8(self.key.open(&id, sealed)?)
            .map_err(|_| Error::WrongInstallationKey)?;
        Ok(RootKey { id, secret, created: false })
    }
}

fn check(given: &GivenKey) -> Result<(), Error> {
    if !is_well_formed(&given.id) {
        return Err(Error::InvalidAccessKeyId);
    }
    if given.secret.len() < 16 { Err(Error::WeakSecret) } else { Ok(()) }
}
