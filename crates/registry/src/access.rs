//! The gate. Every way to a repository or a registry passes here, names its action, and is decided
//! *before* anything is looked up, so a refusal does not tell what exists.

use wharf_policy::{AccountId, Action, Caller, Decision, Region, Resource, decide};

use crate::{Error, Registry, Repository};

/// One registry: an account in a Region.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RegistryId {
    pub account: AccountId,
    pub region: Region,
}

impl RegistryId {
    /// The repository of this name as a policy's resource, whether it exists or not.
    #[must_use]
    pub fn resource<'a>(&'a self, name: &'a str) -> Resource<'a> {
        Resource::Repository { account: &self.account, region: &self.region, name }
    }
}

impl Registry {
    /// Counts a request for `action`, and refuses it to an account that asks too often. Once a
    /// request, at both doors, whatever comes of it.
    pub fn admit(&self, caller: &Caller, action: Action) -> Result<(), Error> {
        self.rates.take(&caller.account, action)
    }

    /// Decides whether `caller` may do `action` on `resource`. Behind the decision a registry that
    /// is read-only refuses whatever would change something.
    pub fn authorise(
        &self,
        caller: &Caller,
        action: Action,
        resource: &Resource<'_>,
    ) -> Result<(), Error> {
        match decide(caller, action, resource) {
            Decision::Allow if self.settings.read_only && action.is_write() => Err(Error::ReadOnly),
            Decision::Allow => Ok(()),
            Decision::Deny(denial) => Err(Error::AccessDenied(Box::new(denial))),
        }
    }

    /// The repository of this name, for `action`. A name that cannot exist is as unknown as one
    /// that does not.
    pub async fn repository(
        &self,
        caller: &Caller,
        action: Action,
        id: &RegistryId,
        name: &str,
    ) -> Result<Repository, Error> {
        self.authorise(caller, action, &id.resource(name))?;
        self.find_repository(id, name).await
    }

    /// The repository of this name, for either of two actions, where holding one is as good as
    /// holding the other. The refusal names the first.
    pub async fn repository_for_either(
        &self,
        caller: &Caller,
        actions: [Action; 2],
        id: &RegistryId,
        name: &str,
    ) -> Result<Repository, Error> {
        let [first, second] = actions;
        let resource = id.resource(name);
        if let Err(refused) = self.authorise(caller, first, &resource) {
            self.authorise(caller, second, &resource).map_err(|_| refused)?;
        }
        self.find_repository(id, name).await
    }
}
