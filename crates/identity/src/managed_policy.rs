//! Managed policies of an account: made, looked up, listed, deleted. Their versions are in
//! `policy_version`. Those of AWS are part of the program (`wharf_policy::MANAGED`) and no rows.
//!
//! Source: "Managed policies and inline policies", User Guide.

use wharf_db::{Tx, statement, tx};
use wharf_policy::document::counted_length;
use wharf_policy::{AccountId, Document, Grammar, Managed as Aws};

use crate::entity::{self, Columns, Entity, Kind, New};
use crate::error::quota;
use crate::policy_version as version;
use crate::{Error, Identity, limit, tag};

/// What a policy has beside its name.
#[derive(Clone, Debug)]
pub struct Managed {
    pub entity: Entity,
    pub default_version: i64,
    /// Milliseconds since 1970.
    pub updated_at: i64,
    /// To how many users, groups and roles it is attached.
    pub attachments: i64,
    /// Of how many users and roles it is the boundary.
    pub bounds: i64,
}

/// Which policies a listing is about.
#[derive(Clone, Copy, Default, Debug)]
pub struct Used {
    /// Only those that are attached to somebody.
    pub attached: bool,
    /// Only those that are somebody's boundary.
    pub as_boundary: bool,
}

statement! {
    INSERT = "INSERT INTO managed_policies (id, default_version, newest_version, updated_at)
              VALUES ($1, 1, 1, $2)";
    FIND = "SELECT p.default_version, p.updated_at,
                (SELECT COUNT(*) FROM attached_policies a WHERE a.policy_arn = $2),
                (SELECT COUNT(*) FROM entities b WHERE b.account_id = $3 AND b.boundary = $2)
            FROM managed_policies p WHERE p.id = $1";
    USES = "SELECT (SELECT COUNT(*) FROM attached_policies a
                    JOIN entities e ON e.id = a.entity_id
                    WHERE a.policy_arn = $2 AND e.account_id = $1),
                (SELECT COUNT(*) FROM entities WHERE account_id = $1 AND boundary = $2)";
    PAGE = "SELECT id, name, path, description, boundary, created_at, default_version, updated_at,
                attachments, bounds
            FROM (SELECT e.id, e.name, e.name_key, e.path, e.description, e.boundary, e.created_at,
                      p.default_version, p.updated_at,
                      (SELECT COUNT(*) FROM attached_policies a
                       WHERE a.policy_arn = 'arn:aws:iam::' || $1 || ':policy' || e.path || e.name)
                          AS attachments,
                      (SELECT COUNT(*) FROM entities b WHERE b.account_id = $1
                       AND b.boundary = 'arn:aws:iam::' || $1 || ':policy' || e.path || e.name)
                          AS bounds
                  FROM entities e JOIN managed_policies p ON p.id = e.id
                  WHERE e.account_id = $1 AND e.kind = 'policy') policies
            WHERE name_key > $2 AND substr(path, 1, length($3)) = $3
                AND attachments >= $4 AND bounds >= $5
            ORDER BY name_key LIMIT $6";
}

impl Identity {
    /// Makes a policy with its first version.
    pub async fn create_policy(
        &self,
        account: &AccountId,
        new: &New,
        document: &str,
        now: i64,
    ) -> Result<Managed, Error> {
        entity::check_name(Kind::Policy, &new.name)?;
        entity::check_path(Kind::Policy, new.path.as_deref())?;
        tag::check(Kind::Policy, &new.tags)?;
        check_document(document)?;
        self.check_room(account, Kind::Policy).await?;
        tx!(self.db, |tx| {
            entity::check_free(tx, account, Kind::Policy, &new.name).await?;
            let entity = entity::insert(tx, account, Kind::Policy, new, None, now).await?;
            tag::set(tx, &entity, &new.tags).await?;
            tx.execute(&INSERT, (entity.id.as_str(), now)).await?;
            version::insert(tx, &entity.id, 1, document, now).await?;
            let (default_version, updated_at) = (1, now);
            Ok(Managed { entity, default_version, updated_at, attachments: 0, bounds: 0 })
        })
    }

    /// The policy of this ARN, one of this account's own.
    pub async fn policy(&self, account: &AccountId, arn: &str) -> Result<Managed, Error> {
        let absent = || Error::NoSuchPolicy(arn.to_owned());
        let entity = match self.entity(account, Kind::Policy, own_name(account, arn)?).await {
            Ok(policy) if policy.arn() == arn => policy,
            Ok(_) | Err(Error::NoSuchEntity { .. }) => return Err(absent()),
            Err(error) => return Err(error),
        };
        let values = (entity.id.as_str(), arn, account.as_str());
        let row = self.db.optional::<(i64, i64, i64, i64)>(&FIND, values).await?;
        let (default_version, updated_at, attachments, bounds) = row.ok_or_else(absent)?;
        Ok(Managed { entity, default_version, updated_at, attachments, bounds })
    }

    /// How often the policy of this ARN, one of AWS's for instance, is attached in the account, and
    /// how often it is a boundary.
    pub async fn policy_uses(&self, account: &AccountId, arn: &str) -> Result<(i64, i64), Error> {
        let values = (account.as_str(), arn);
        Ok(self.db.optional::<(i64, i64)>(&USES, values).await?.unwrap_or_default())
    }

    /// Up to `limit` policies of the account whose names, in lower case, follow `after`, and whose
    /// paths begin with `path`.
    pub async fn policies(
        &self,
        account: &AccountId,
        path: &str,
        used: Used,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Managed>, Error> {
        type Row =
            (String, String, String, Option<String>, Option<String>, i64, i64, i64, i64, i64);
        let least = (i64::from(used.attached), i64::from(used.as_boundary));
        let values = (account.as_str(), after, path, least.0, least.1, limit);
        let rows = self.db.all::<Row>(&PAGE, values).await?;
        let read = |row: Row| {
            let columns: Columns = (row.0, row.1, row.2, row.3, row.4, row.5);
            Managed {
                entity: Entity::read(account, Kind::Policy, columns),
                default_version: row.6,
                updated_at: row.7,
                attachments: row.8,
                bounds: row.9,
            }
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Deletes a policy that nothing uses and that has no version but the default one.
    pub async fn delete_policy(&self, account: &AccountId, arn: &str) -> Result<(), Error> {
        let name = own_name(account, arn)?;
        tx!(self.db, |tx| {
            self.changes(tx);
            let policy = find(tx, account, arn, name).await?;
            let values = (account.as_str(), arn);
            if tx.optional::<(i64, i64)>(&USES, values).await? != Some((0, 0)) {
                return Err(Error::DeleteConflict("Cannot delete a policy attached to entities."));
            }
            if version::count(tx, &policy.id).await? > 1 {
                return Err(Error::DeleteConflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
                ));
            }
            entity::delete(tx, &policy.id).await
        })
    }
}

/// The id of a boundary, which must be a policy of this account or of AWS; None for AWS's.
pub(crate) async fn boundary_id(
    tx: &mut Tx,
    account: &AccountId,
    arn: Option<&str>,
) -> Result<Option<String>, Error> {
    match arn {
        Some(arn) => attachable_id(tx, account, arn).await,
        None => Ok(None),
    }
}

/// The id of what can be attached: a policy of this account, or one of AWS, which has none.
pub(crate) async fn attachable_id(
    tx: &mut Tx,
    account: &AccountId,
    arn: &str,
) -> Result<Option<String>, Error> {
    if Aws::find(arn).is_some() {
        return Ok(None);
    }
    let unknown = |error| match error {
        Error::NoSuchPolicy(arn) => Error::NotAttachable(arn),
        other => other,
    };
    let name = own_name(account, arn).map_err(unknown)?;
    find(tx, account, arn, name).await.map(|policy| Some(policy.id)).map_err(unknown)
}

/// The name in the ARN of a policy of this account.
pub(crate) fn own_name<'a>(account: &AccountId, arn: &'a str) -> Result<&'a str, Error> {
    if Aws::find(arn).is_some() {
        return Err(Error::Unmodifiable(arn.to_owned()));
    }
    if !arn.starts_with("arn:") {
        return Err(Error::Validation("Invalid ARN:  Could not be parsed!".to_owned()));
    }
    match entity::parse_arn(arn) {
        Some((own, Kind::Policy, _, name)) if own == *account => Ok(name),
        _ => Err(Error::NoSuchPolicy(arn.to_owned())),
    }
}

/// The policy of this name, if it has this very ARN: the path counts.
pub(crate) async fn find(
    tx: &mut Tx,
    account: &AccountId,
    arn: &str,
    name: &str,
) -> Result<Entity, Error> {
    let found = entity::find_any(tx, account, Kind::Policy, name).await?;
    let found = found.filter(|policy| policy.arn() == arn);
    found.ok_or_else(|| Error::NoSuchPolicy(arn.to_owned()))
}

pub(crate) fn check_document(document: &str) -> Result<(), Error> {
    Document::accept(document, Grammar::Identity).map_err(Error::MalformedPolicyDocument)?;
    match counted_length(document) <= limit::POLICY_CHARACTERS {
        true => Ok(()),
        false => Err(quota("PolicySize", limit::POLICY_CHARACTERS)),
    }
}
