//! How policies are told, and what every text of a policy goes through before it is kept.

use serde::Serialize;
use wharf_identity::Identity;
use wharf_policy::{Document, Fault, Grammar};
use wharf_registry::{Error, RegistryId, Repository};

use super::principals;

/// The policy of a repository. The text is printed anew, as ECR prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryPolicy {
    registry_id: String,
    repository_name: String,
    policy_text: String,
}

/// The policy of a registry. The text is printed anew, as ECR prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryPolicy {
    registry_id: String,
    policy_text: String,
}

impl RepositoryPolicy {
    pub(super) async fn of(
        repository: &Repository,
        document: Document,
        identity: &Identity,
    ) -> Result<RepositoryPolicy, Error> {
        Ok(RepositoryPolicy {
            registry_id: repository.registry().account.to_string(),
            repository_name: repository.name().to_string(),
            policy_text: principals::named(document, identity).await?.to_pretty(),
        })
    }
}

impl RegistryPolicy {
    pub(super) async fn of(
        id: &RegistryId,
        document: Document,
        identity: &Identity,
    ) -> Result<RegistryPolicy, Error> {
        Ok(RegistryPolicy {
            registry_id: id.account.to_string(),
            policy_text: principals::named(document, identity).await?.to_pretty(),
        })
    }
}

/// Reads a text that is to become a policy. ECR has one sentence for all that can be wrong with it;
/// what it is goes to the log.
pub(super) async fn accept(
    text: &str,
    grammar: Grammar,
    identity: &Identity,
) -> Result<Document, Error> {
    let document = Document::accept(text, grammar).map_err(refused)?;
    principals::identified(document, grammar, identity).await
}

/// The refusal of a text.
pub(super) fn refused(fault: Fault) -> Error {
    tracing::info!(detail = fault.detail(), "{fault}");
    Error::Parameter { path: "PolicyText", reason: fault.to_string() }
}
