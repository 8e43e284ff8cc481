//! Access keys: the pair of id and secret that signs requests.

use std::fmt;
use std::sync::Arc;

use wharf_db::{Cached, statement};
use wharf_policy::{AccountId, Caller, Principal};

use crate::{Error, Identity, account_of_key};

/// An active access key with the principal it stands for.
pub struct AccessKey {
    pub principal: Arc<Principal>,
    pub(crate) secret: String,
}

impl AccessKey {
    /// The secret access key. Never log it.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AccessKey({}, ***)", self.principal.caller.access_key_id)
    }
}

impl Identity {
    /// The access key with this id; None when it was never made, was deleted or is inactive.
    pub async fn access_key(&self, id: &str) -> Result<Option<Arc<AccessKey>>, Error> {
        // What cannot be an id is not worth a look-up, and no memory.
        if !is_well_formed(id) {
            return Ok(None);
        }
        let epoch = self.epochs.current(id).await;
        if let Some(found) = self.access_keys.get(id).and_then(|cached| cached.fresh(epoch)) {
            return Ok(Some(found));
        }
        let found = self.read_access_key(id).await?.map(Arc::new);
        if let (Some(epoch), Some(found)) = (epoch, &found) {
            let cached = Cached { epoch, value: found.clone() };
            self.access_keys.insert(id.to_owned(), cached);
        }
        Ok(found)
    }

    /// The account of an access key or of a session's, good or not; None if it is of none here.
    pub async fn account_of_access_key(&self, id: &str) -> Result<Option<AccountId>, Error> {
        statement!(OWNER = "SELECT account_id FROM access_keys WHERE id = $1");
        if let Some((account,)) = self.db.optional::<(String,)>(&OWNER, (id,)).await? {
            return account.parse().map(Some).map_err(|_| Error::WrongInstallationKey);
        }
        match account_of_key(id) {
            Some(account) if self.has_account(&account).await? => Ok(Some(account)),
            _ => Ok(None),
        }
    }

    async fn read_access_key(&self, id: &str) -> Result<Option<AccessKey>, Error> {
        statement!(
            FIND = "SELECT account_id, secret, user_id FROM access_keys
                    WHERE id = $1 AND active = 1"
        );
        type Row = (String, Vec<u8>, Option<String>);
        let Some((account, sealed, user)) = self.db.optional::<Row>(&FIND, (id,)).await? else {
            return Ok(None);
        };
        let secret = String::from_utf8(self.key.open(id, &sealed)?)
            .map_err(|_| Error::WrongInstallationKey)?;
        let account = account.parse().map_err(|_| Error::WrongInstallationKey)?;
        let principal = match user {
            None => Principal::root(Caller::root(account, id.to_owned())),
            Some(user) => match self.authority(&user).await? {
                Some(user) => user.principal(id),
                // Deleted between the two looks.
                None => return Ok(None),
            },
        };
        Ok(Some(AccessKey { principal: Arc::new(principal), secret }))
    }
}

/// An access key id: 16 to 128 letters and digits.
pub(crate) fn is_well_formed(id: &str) -> bool {
    (16..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
