//! The root of an account and its key: made once, at the first start.

use aws_lc_rs::rand;
use wharf_db::{statement, tx};
use wharf_policy::AccountId;

use crate::access_key::is_well_formed;
use crate::{Error, Identity};

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
    NEWEST_KEY = "SELECT id, secret FROM access_keys WHERE account_id = $1 AND active = 1
                  ORDER BY created_at DESC, id LIMIT 1";
    PUT_KEY = "INSERT INTO access_keys (id, account_id, secret, active, created_at)
               VALUES ($1, $2, $3, 1, $4)
               ON CONFLICT (id) DO UPDATE SET account_id = excluded.account_id,
                   secret = excluded.secret, active = 1, created_at = excluded.created_at";
    KEYS = "SELECT id FROM access_keys WHERE account_id = $1";
    RETIRE_OTHERS = "UPDATE access_keys SET active = 0 WHERE account_id = $1 AND id <> $2";
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
                (None, None) => (new_id()?, new_secret()?),
            };
            let sealed = self.key.seal(&wanted.0, wanted.1.as_bytes())?;
            tx.execute(&PUT_KEY, (wanted.0.as_str(), account.as_str(), sealed, now)).await?;
            tx.execute(&RETIRE_OTHERS, (account.as_str(), wanted.0.as_str())).await?;
            for (id,) in tx.all::<(String,)>(&KEYS, (account.as_str(),)).await? {
                let epochs = self.epochs.clone();
                tx.after_commit(move || epochs.advance(id.as_str()));
            }
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

/// `AKIA` and 16 of `A-Z2-7`, the shape that secret scanners know.
fn new_id() -> Result<String, Error> {
    Ok(format!("AKIA{}", random_text(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?))
}

/// 40 characters of the Base64 alphabet: 240 random bits.
fn new_secret() -> Result<String, Error> {
    random_text(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}

/// `alphabet` must have 32 or 64 letters, so that every letter is equally likely.
fn random_text(length: usize, alphabet: &[u8]) -> Result<String, Error> {
    let mut bytes = vec![0u8; length];
    rand::fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect())
}
