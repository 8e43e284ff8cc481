//! The policy of a registry, as it is kept: it speaks about all repositories, there or not.
//!
//! Source: "Private registry permissions in Amazon ECR", User Guide.

use wharf_db::{Tx, statement, tx};
use wharf_policy::{Document, Grammar, Scope};

use crate::policies::read;
use crate::setting::{self, Setting};
use crate::{Error, Registry, RegistryId};

statement! {
    // With the scope that was put, of which there may be one without a policy.
    FIND = "SELECT
                (SELECT document FROM registry_policies WHERE account_id = $1 AND region = $2),
                (SELECT value FROM account_settings
                 WHERE account_id = $1 AND region = $2 AND name = $3)";
    PUT = "INSERT INTO registry_policies (account_id, region, document) VALUES ($1, $2, $3)
           ON CONFLICT (account_id, region) DO UPDATE SET document = excluded.document";
    DELETE = "DELETE FROM registry_policies WHERE account_id = $1 AND region = $2";
}

/// How a stored policy is read. The scope matters only to what is accepted.
pub(crate) const STORED: Grammar = Grammar::Registry(Scope::V2);

type Columns = (Option<String>, Option<String>);

/// The policy; [`Error::RegistryPolicyNotFound`] if there is none.
pub async fn get(registry: &Registry, id: &RegistryId) -> Result<Document, Error> {
    stored(id, find(registry, id).await?.0)
}

/// Which requests the registry's policy is asked about.
pub async fn scope(registry: &Registry, id: &RegistryId) -> Result<Scope, Error> {
    Ok(find(registry, id).await?.1)
}

/// Puts the policy in the place of what was there. The document has been accepted, and names users
/// and roles by their ids. It binds from the next request on, at every replica.
pub async fn put(registry: &Registry, id: &RegistryId, document: &Document) -> Result<(), Error> {
    let text = document.to_compact();
    tx!(registry.db, |tx| {
        changes(registry, tx, id);
        tx.execute(&PUT, (id.account.as_str(), id.region.as_str(), text.as_str())).await?;
        Ok(())
    })
}

/// Removes the policy, and tells what it was; [`Error::RegistryPolicyNotFound`] if there is none.
pub async fn delete(registry: &Registry, id: &RegistryId) -> Result<Document, Error> {
    tx!(registry.db, |tx| {
        changes(registry, tx, id);
        let (found, _) = tx.optional::<Columns>(&FIND, values(id)).await?.unwrap_or_default();
        let document = stored(id, found)?;
        tx.execute(&DELETE, (id.account.as_str(), id.region.as_str())).await?;
        Ok(document)
    })
}

/// Makes what is remembered of the registry stale once `tx` is committed.
pub(crate) fn changes(registry: &Registry, tx: &mut Tx, id: &RegistryId) {
    let (remembered, id) = (registry.remembered.clone(), id.clone());
    tx.after_commit(move || remembered.names.advance(&id));
}

/// The text of the policy, if there is one, and its scope.
pub(super) async fn find(
    registry: &Registry,
    id: &RegistryId,
) -> Result<(Option<String>, Scope), Error> {
    let found = registry.db.optional::<Columns>(&FIND, values(id)).await?;
    let (document, put) = found.unwrap_or_default();
    Ok((document, setting::policy_scope(registry, put.as_deref())?))
}

/// What the audit trail and faults call the registry.
pub(crate) fn told(id: &RegistryId) -> String {
    format!("{}/{}", id.account, id.region)
}

fn values(id: &RegistryId) -> (&str, &str, &'static str) {
    (id.account.as_str(), id.region.as_str(), Setting::RegistryPolicyScope.as_str())
}

fn stored(id: &RegistryId, found: Option<String>) -> Result<Document, Error> {
    let account = id.account.clone();
    let text = found.ok_or(Error::RegistryPolicyNotFound { account })?;
    read(&text, STORED, &told(id)).map_err(Error::fault)
}
