//! The policies of repositories and of registries. The rooms below keep them as documents; here is
//! what the gate asks them with: compiled, and remembered until something of them changes.

pub mod registry;
pub mod repository;

use std::sync::Arc;

use wharf_db::Cached;
use wharf_policy::{Document, Grammar, Policy, ResourcePolicies, Scope};

use crate::repository::Known;
use crate::{Error, Registry, RegistryId};

/// The policies that have a say in a request to a registry.
#[derive(Clone, Debug)]
pub struct Policies {
    /// Of the repository that the request is about, if it is there and has one.
    pub repository: Option<Arc<Policy>>,
    /// Of the registry, if it has one.
    pub registry: Option<Arc<Policy>>,
    /// Which requests the registry's policy is asked about.
    pub scope: Scope,
}

/// What is remembered of a registry.
#[derive(Clone)]
pub(crate) struct OfRegistry {
    policy: Kept,
    scope: Scope,
}

/// A policy as it is stored, if there is one: compiled, or known to be no policy any more.
pub(crate) type Kept = Result<Option<Arc<Policy>>, Damaged>;

/// Why a stored text is no policy.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the policy of {of} is damaged: {detail}")]
pub(crate) struct Damaged {
    of: String,
    detail: String,
}

impl Policies {
    /// Those of who has none.
    pub const NONE: Policies = Policies { repository: None, registry: None, scope: Scope::V2 };

    /// The same as an evaluation takes it.
    #[must_use]
    pub fn of_resource(&self) -> ResourcePolicies<'_> {
        ResourcePolicies::Ecr {
            repository: self.repository.as_deref(),
            registry: self.registry.as_deref(),
            scope: self.scope,
        }
    }
}

impl Registry {
    /// The policies that have a say in a request to the registry, and to `repository` if it is
    /// about one that is there. Asks the database only when something has changed.
    ///
    /// # Errors
    /// [`Error::Fault`] if a policy is stored that cannot be read: it must not count as none.
    pub(crate) async fn policies(
        &self,
        id: &RegistryId,
        repository: Option<&Known>,
    ) -> Result<Policies, Error> {
        let OfRegistry { policy, scope } = self.registry_policy(id).await?;
        let repository = repository.map_or(Ok(None), |known| known.policy.clone());
        let (repository, registry) =
            (repository.map_err(Error::fault)?, policy.map_err(Error::fault)?);
        Ok(Policies { repository, registry, scope })
    }

    async fn registry_policy(&self, id: &RegistryId) -> Result<OfRegistry, Error> {
        let epoch = self.remembered.names.current(id).await;
        let cached = self.remembered.registries.get(id);
        if let Some(found) = cached.and_then(|cached| cached.fresh(epoch)) {
            return Ok(found);
        }
        let (text, scope) = registry::find(self, id).await?;
        let policy = self.compiled(text, registry::STORED, &registry::told(id));
        let found = OfRegistry { policy, scope };
        if let Some(epoch) = epoch {
            let cached = Cached { epoch, value: found.clone() };
            self.remembered.registries.insert(id.clone(), cached);
        }
        Ok(found)
    }

    /// The stored policy of what is called `of`, compiled, or found compiled: what a text says
    /// never changes, while with several replicas everything is looked up anew after each write.
    pub(crate) fn compiled(&self, text: Option<String>, grammar: Grammar, of: &str) -> Kept {
        let Some(text) = text else { return Ok(None) };
        let key = (of.to_owned(), text);
        if let Some(policy) = self.remembered.policies.get(&key) {
            return Ok(Some(policy));
        }
        let policy = Arc::new(Policy::new(&read(&key.1, grammar, of)?, grammar, of));
        self.remembered.policies.insert(key, policy.clone());
        Ok(Some(policy))
    }
}

/// The stored document. Only its structure is looked at: it was accepted once.
pub(crate) fn read(text: &str, grammar: Grammar, of: &str) -> Result<Document, Damaged> {
    Document::parse(text, grammar)
        .map_err(|fault| Damaged { of: of.to_owned(), detail: fault.detail() })
}
