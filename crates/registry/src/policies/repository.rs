//! The policy of a repository, as it is kept: who else may reach it, and who may not.
//!
//! Source: "Private repository policies in Amazon ECR", User Guide.

use wharf_db::{statement, tx};
use wharf_policy::{Document, Grammar, Policy, Requester};

use crate::policies::read;
use crate::{Error, Registry, Repository};

statement! {
    FIND = "SELECT document FROM repository_policies WHERE repository_id = $1";
    PUT = "INSERT INTO repository_policies (repository_id, document) VALUES ($1, $2)
           ON CONFLICT (repository_id) DO UPDATE SET document = excluded.document";
    DELETE = "DELETE FROM repository_policies WHERE repository_id = $1";
}

/// The policy; [`Error::RepositoryPolicyNotFound`] if there is none.
pub async fn get(registry: &Registry, repository: &Repository) -> Result<Document, Error> {
    let found = registry.db.optional::<(String,)>(&FIND, (&**repository.id(),)).await?;
    stored(repository, found)
}

/// Puts the policy in the place of what was there. The document has been accepted, and names users
/// and roles by their ids. It binds from the next request on, at every replica. Unless `force`, one
/// that would keep who sets it from setting another is refused.
pub async fn set(
    registry: &Registry,
    requester: &Requester,
    repository: &Repository,
    document: &Document,
    force: bool,
) -> Result<(), Error> {
    let policy = Policy::new(document, Grammar::Repository, repository.name().as_str());
    if !force && registry.locks_out(requester, repository, policy).await? {
        let reason = "The policy would keep you from setting another one on this repository. Use \
                      force to set it all the same";
        return Err(Error::Parameter { path: "PolicyText", reason: reason.to_owned() });
    }
    let text = document.to_compact();
    let result: Result<(), Error> = tx!(registry.db, |tx| {
        registry.changes_repository(tx, repository);
        tx.execute(&PUT, (&**repository.id(), text.as_str())).await?;
        Ok(())
    });
    result.map_err(|error| repository.gone_if_unlinked(error))
}

/// Removes the policy, and tells what it was; [`Error::RepositoryPolicyNotFound`] if there is none.
pub async fn delete(registry: &Registry, repository: &Repository) -> Result<Document, Error> {
    tx!(registry.db, |tx| {
        registry.changes_repository(tx, repository);
        let values = (&**repository.id(),);
        let document = stored(repository, tx.optional(&FIND, values).await?)?;
        tx.execute(&DELETE, values).await?;
        Ok(document)
    })
}

fn stored(repository: &Repository, found: Option<(String,)>) -> Result<Document, Error> {
    let (text,) = found.ok_or_else(|| Error::RepositoryPolicyNotFound {
        name: repository.name().clone(),
        account: repository.registry().account.clone(),
    })?;
    read(&text, Grammar::Repository, repository.name().as_str()).map_err(Error::fault)
}
