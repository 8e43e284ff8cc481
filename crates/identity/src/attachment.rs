//! What is attached to users, groups and roles: managed policies, and the permissions boundary.

use wharf_db::{statement, tx};
use wharf_policy::{AccountId, Managed};

use crate::entity::{self, Kind};
use crate::error::quota;
use crate::{Error, Identity, limit, managed_policy};

statement! {
    ATTACH = "INSERT INTO attached_policies (entity_id, policy_arn, policy_id) VALUES ($1, $2, $3)
              ON CONFLICT DO NOTHING";
    DETACH = "DELETE FROM attached_policies WHERE entity_id = $1 AND policy_arn = $2";
    ALL = "SELECT policy_arn FROM attached_policies WHERE entity_id = $1";
    PAGE = "SELECT policy_arn FROM attached_policies
            WHERE entity_id = $1 AND policy_arn > $2 ORDER BY policy_arn LIMIT $3";
    HOLDERS = "SELECT e.id, e.kind, e.name, e.path FROM attached_policies a
               JOIN entities e ON e.id = a.entity_id
               WHERE a.policy_arn = $1 AND e.account_id = $2 AND e.id > $3 ORDER BY e.id LIMIT $4";
    BOUNDED = "SELECT id, kind, name, path FROM entities
               WHERE account_id = $2 AND boundary = $1 AND id > $3 ORDER BY id LIMIT $4";
    BOUND = "UPDATE entities SET boundary = $2, boundary_id = $3 WHERE id = $1";
}

/// A user, group or role that a policy is attached to or bounds.
#[derive(Clone, Debug)]
pub struct Holder {
    pub id: String,
    pub kind: Kind,
    pub name: String,
    pub path: String,
}

impl Identity {
    /// Attaches a managed policy; one that is attached stays so.
    pub async fn attach(
        &self,
        account: &AccountId,
        kind: Kind,
        name: &str,
        arn: &str,
    ) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            let found = entity::find(tx, account, kind, name).await?;
            let id = managed_policy::attachable_id(tx, account, arn).await?;
            if is_of_service(arn) {
                return Err(Error::PolicyNotAttachable(kind));
            }
            let present = tx.all::<(String,)>(&ALL, (found.id.as_str(),)).await?;
            if present.iter().any(|(present,)| present == arn) {
                return Ok(());
            }
            if present.len() as i64 >= limit::ATTACHED_POLICIES {
                let name = format!("PoliciesPer{}", kind.title());
                return Err(quota(&name, limit::ATTACHED_POLICIES));
            }
            tx.execute(&ATTACH, (found.id.as_str(), arn, id)).await?;
            Ok(())
        })
    }

    /// Detaches a managed policy.
    pub async fn detach(
        &self,
        account: &AccountId,
        kind: Kind,
        name: &str,
        arn: &str,
    ) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            let found = entity::find(tx, account, kind, name).await?;
            let present = tx.all::<(String,)>(&ALL, (found.id.as_str(),)).await?;
            if present.iter().all(|(present,)| present != arn) {
                return Err(Error::NoSuchPolicy(arn.to_owned()));
            }
            tx.execute(&DETACH, (found.id.as_str(), arn)).await?;
            Ok(())
        })
    }

    /// Up to `limit` ARNs of managed policies on the entity that follow `after`.
    pub async fn attached(&self, id: &str, after: &str, limit: i64) -> Result<Vec<String>, Error> {
        let rows = self.db.all::<(String,)>(&PAGE, (id, after, limit)).await?;
        Ok(rows.into_iter().map(|(arn,)| arn).collect())
    }

    /// Up to `limit` users, groups and roles whose ids follow `after` and that the policy is attached
    /// to, or that it bounds.
    pub async fn holders(
        &self,
        account: &AccountId,
        arn: &str,
        as_boundary: bool,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Holder>, Error> {
        let statement = if as_boundary { &BOUNDED } else { &HOLDERS };
        let values = (arn, account.as_str(), after, limit);
        let rows = self.db.all::<(String, String, String, String)>(statement, values).await?;
        rows.into_iter()
            .map(|(id, kind, name, path)| Ok(Holder { id, kind: Kind::read(&kind)?, name, path }))
            .collect()
    }

    /// Sets or removes the permissions boundary of a user or role.
    pub async fn bound(
        &self,
        account: &AccountId,
        kind: Kind,
        name: &str,
        boundary: Option<&str>,
    ) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            let found = entity::find(tx, account, kind, name).await?;
            let id = managed_policy::boundary_id(tx, account, boundary).await?;
            tx.execute(&BOUND, (found.id.as_str(), boundary, id)).await?;
            Ok(())
        })
    }
}

/// Whether it is one of AWS's that only roles of services have.
fn is_of_service(arn: &str) -> bool {
    Managed::find(arn).is_some_and(|aws| aws.path.starts_with("/aws-service-role/"))
}
