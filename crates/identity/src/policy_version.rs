//! The versions of a managed policy: at most five, of which one counts.
//!
//! Source: "Versioning IAM policies", User Guide.

use wharf_db::{Tx, statement, tx};
use wharf_policy::AccountId;

use crate::entity::Entity;
use crate::managed_policy::{check_document, find, own_name};
use crate::{Error, Identity, limit};

/// A version of a policy.
#[derive(Clone, Debug)]
pub struct Version {
    /// 3 of `v3`.
    pub number: i64,
    /// As it was given, byte for byte.
    pub document: String,
    pub is_default: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

statement! {
    INSERT = "INSERT INTO policy_versions (policy_id, version, document, created_at)
              VALUES ($1, $2, $3, $4)";
    NUMBERS = "SELECT default_version, newest_version FROM managed_policies WHERE id = $1";
    NEWEST = "UPDATE managed_policies SET newest_version = $2, updated_at = $3 WHERE id = $1";
    SET_DEFAULT = "UPDATE managed_policies SET default_version = $2, updated_at = $3 WHERE id = $1";
    COUNT = "SELECT COUNT(*) FROM policy_versions WHERE policy_id = $1";
    COUNT_ALL = "SELECT COUNT(*) FROM policy_versions v JOIN entities e ON e.id = v.policy_id
                 WHERE e.account_id = $1";
    FIND = "SELECT version, document, created_at FROM policy_versions
            WHERE policy_id = $1 AND version = $2";
    ALL = "SELECT version, document, created_at FROM policy_versions
           WHERE policy_id = $1 ORDER BY version DESC";
    DELETE = "DELETE FROM policy_versions WHERE policy_id = $1 AND version = $2";
}

impl Identity {
    /// Adds a version, which may become the default one.
    pub async fn create_version(
        &self,
        account: &AccountId,
        arn: &str,
        document: &str,
        set_default: bool,
        now: i64,
    ) -> Result<Version, Error> {
        let name = own_name(account, arn)?;
        tx!(self.db, |tx| {
            self.changes(tx);
            let policy = find(tx, account, arn, name).await?;
            check_document(document)?;
            if count(tx, &policy.id).await? >= limit::POLICY_VERSIONS {
                return Err(Error::LimitExceeded(
                    "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."
                        .to_owned(),
                ));
            }
            let number = numbers(tx, &policy).await?.1 + 1;
            insert(tx, &policy.id, number, document, now).await?;
            tx.execute(&NEWEST, (policy.id.as_str(), number, now)).await?;
            if set_default {
                tx.execute(&SET_DEFAULT, (policy.id.as_str(), number, now)).await?;
            }
            let (document, is_default) = (document.to_owned(), set_default);
            Ok(Version { number, document, is_default, created_at: now })
        })
    }

    /// The version, such as `v2`.
    pub async fn version(
        &self,
        account: &AccountId,
        arn: &str,
        version: &str,
    ) -> Result<Version, Error> {
        let name = own_name(account, arn)?;
        tx!(self.db, |tx| {
            let policy = find(tx, account, arn, name).await?;
            read_version(tx, &policy, arn, version).await
        })
    }

    /// All versions, the newest first. There are five at most.
    pub async fn versions(&self, account: &AccountId, arn: &str) -> Result<Vec<Version>, Error> {
        let name = own_name(account, arn)?;
        tx!(self.db, |tx| {
            let policy = find(tx, account, arn, name).await?;
            let default = numbers(tx, &policy).await?.0;
            let rows = tx.all::<(i64, String, i64)>(&ALL, (policy.id.as_str(),)).await?;
            Ok(rows.into_iter().map(|row| read(row, default)).collect())
        })
    }

    /// How many versions all policies of the account have together.
    pub async fn count_versions(&self, account: &AccountId) -> Result<i64, Error> {
        let found = self.db.optional::<(i64,)>(&COUNT_ALL, (account.as_str(),)).await?;
        Ok(found.map_or(0, |(count,)| count))
    }

    /// Deletes a version that is not the default one.
    pub async fn delete_version(
        &self,
        account: &AccountId,
        arn: &str,
        version: &str,
    ) -> Result<(), Error> {
        let name = own_name(account, arn)?;
        tx!(self.db, |tx| {
            let policy = find(tx, account, arn, name).await?;
            let found = read_version(tx, &policy, arn, version).await?;
            if found.is_default {
                return Err(Error::DeleteConflict(
                    "Cannot delete the default version of a policy.",
                ));
            }
            tx.execute(&DELETE, (policy.id.as_str(), found.number)).await?;
            Ok(())
        })
    }

    /// Makes the version the one that counts.
    pub async fn set_default_version(
        &self,
        account: &AccountId,
        arn: &str,
        version: &str,
        now: i64,
    ) -> Result<(), Error> {
        let name = own_name(account, arn)?;
        tx!(self.db, |tx| {
            self.changes(tx);
            let policy = find(tx, account, arn, name).await?;
            let found = read_version(tx, &policy, arn, version).await?;
            tx.execute(&SET_DEFAULT, (policy.id.as_str(), found.number, now)).await?;
            Ok(())
        })
    }
}

pub(crate) async fn insert(
    tx: &mut Tx,
    policy_id: &str,
    number: i64,
    document: &str,
    now: i64,
) -> Result<(), Error> {
    tx.execute(&INSERT, (policy_id, number, document, now)).await?;
    Ok(())
}

pub(crate) async fn count(tx: &mut Tx, policy_id: &str) -> Result<i64, Error> {
    let found = tx.optional::<(i64,)>(&COUNT, (policy_id,)).await?;
    Ok(found.map_or(0, |(count,)| count))
}

/// The number of the default version, and of the newest that was ever made.
async fn numbers(tx: &mut Tx, policy: &Entity) -> Result<(i64, i64), Error> {
    let found = tx.optional::<(i64, i64)>(&NUMBERS, (policy.id.as_str(),)).await?;
    found.ok_or_else(|| Error::Damaged(format!("policy {} has no version", policy.id)))
}

async fn read_version(
    tx: &mut Tx,
    policy: &Entity,
    arn: &str,
    version: &str,
) -> Result<Version, Error> {
    let absent = || Error::NoSuchVersion { arn: arn.to_owned(), version: version.to_owned() };
    let number: i64 =
        version.strip_prefix('v').and_then(|number| number.parse().ok()).ok_or_else(absent)?;
    let values = (policy.id.as_str(), number);
    let found = tx.optional::<(i64, String, i64)>(&FIND, values).await?;
    let default = numbers(tx, policy).await?.0;
    found.map(|row| read(row, default)).ok_or_else(absent)
}

fn read((number, document, created_at): (i64, String, i64), default: i64) -> Version {
    Version { number, document, is_default: number == default, created_at }
}
