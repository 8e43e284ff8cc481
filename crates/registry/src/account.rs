//! All that an account has in its registries, for the operator who closes it. Nobody else comes by
//! here: there is no caller, and no policy is asked.

use wharf_db::{statement, tx};
use wharf_policy::AccountId;

use crate::{Error, Registry};

statement! {
    NAMES = "SELECT region, name FROM repositories WHERE account_id = $1
             ORDER BY region, name LIMIT $2";
    FIRST = "SELECT id FROM repositories WHERE account_id = $1 ORDER BY region, name LIMIT 1";
    DELETE = "DELETE FROM repositories WHERE id = $1";
}

impl Registry {
    /// Regions and names of the first `limit` repositories of the account, in all Regions.
    pub async fn repositories_of(
        &self,
        account: &AccountId,
        limit: i64,
    ) -> Result<Vec<(String, String)>, Error> {
        Ok(self.db.all(&NAMES, (account.as_str(), limit)).await?)
    }

    /// Deletes all repositories of the account with their images, one after the other, and tells how
    /// many there were. Broken off, it goes on with the next run.
    pub async fn delete_repositories_of(&self, account: &AccountId) -> Result<u64, Error> {
        let mut deleted = 0;
        loop {
            let found = tx!(self.db, |tx| {
                let first = tx.optional::<(String,)>(&FIRST, (account.as_str(),)).await?;
                if let Some((id,)) = &first {
                    self.changes_all(tx);
                    self.changes_names(tx);
                    tx.execute(&DELETE, (id.as_str(),)).await?;
                }
                Ok::<_, Error>(first.is_some())
            })?;
            if !found {
                return Ok(deleted);
            }
            deleted += 1;
        }
    }
}
