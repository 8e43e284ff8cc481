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
    policy: Option<Arc<Policy>>,
    scope: Scope,
}

impl Policies {
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
        let repository = repository.and_then(|known| known.policy.clone());
        Ok(Policies { repository, registry: policy, scope })
    }

    async fn registry_policy(&self, id: &RegistryId) -> Result<OfRegistry, Error> {
        let epoch = self.remembered.names.current(id).await;
        let cached = self.remembered.registries.get(id);
        if let Some(found) = cached.and_then(|cached| cached.fresh(epoch)) {
            return Ok(found);
        }
        let (document, scope) = registry::find(self, id).await?;
        let name = format!("{}/{}", id.account, id.region);
        let policy = document.map(|text| compile(&text, registry::STORED, &name));
        let found = OfRegistry { policy: policy.transpose()?, scope };
        if let Some(epoch) = epoch {
            let cached = Cached { epoch, value: found.clone() };
            self.remembered.registries.insert(id.clone(), cached);
        }
        Ok(found)
    }
}

/// The stored policy of what is called `name`, ready to be asked.
pub(crate) fn compile(text: &str, grammar: Grammar, name: &str) -> Result<Arc<Policy>, Error> {
    let document = read(text, grammar, name)?;
    Ok(Arc::new(Policy::new(&document, grammar, name)))
}

/// The stored document. Only its structure is looked at: it was accepted once.
fn read(text: &str, grammar: Grammar, name: &str) -> Result<Document, Error> {
    Document::parse(text, grammar).map_err(|fault| {
        let detail = fault.detail();
        Error::fault(std::io::Error::other(format!("the policy of {name} is damaged: {detail}")))
    })
}
