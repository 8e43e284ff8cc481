//! How policies are told, and what every text of a policy goes through before it is kept.

use serde::Serialize;
use wharf_identity::Identity;
use wharf_policy::{Document, Fault, Grammar};
use wharf_registry::{Error, RegistryId, Repository};

use crate::refusal::of_identity;

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
            policy_text: printed(document, identity).await?,
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
            policy_text: printed(document, identity).await?,
        })
    }
}

/// Reads a text that is to become a policy, and puts ids in the place of the users and roles that
/// it names: so one who is made anew under an old name inherits nothing. ECR has one sentence for
/// all that can be wrong with a text; what it is goes to the log.
pub(super) async fn accept(
    text: &str,
    grammar: Grammar,
    identity: &Identity,
) -> Result<Document, Error> {
    let mut document = Document::accept(text, grammar).map_err(refused)?;
    match identity.principals_to_ids(&mut document, grammar).await {
        Ok(()) => Ok(document),
        Err(wharf_identity::Error::MalformedPolicyDocument(fault)) => Err(refused(fault)),
        Err(error) => Err(of_identity(error)),
    }
}

/// The text of a kept policy, with the ARNs that users and roles have now; an id that is nobody's
/// any more stays.
async fn printed(mut document: Document, identity: &Identity) -> Result<String, Error> {
    identity.principals_to_arns(&mut document).await.map_err(of_identity)?;
    Ok(document.to_pretty())
}

/// The refusal of a text.
fn refused(fault: Fault) -> Error {
    tracing::info!(detail = fault.detail(), "{fault}");
    Error::Parameter { path: "PolicyText", reason: fault.to_string() }
}
