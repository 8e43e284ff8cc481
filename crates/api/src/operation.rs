//! What an operation is, and what it is run on.
//!
//! A [`Call`] can only be made here, after the decision about the operation's own action; so an
//! operation cannot forget to ask.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wharf_policy::{Action, Caller, Resource};
use wharf_registry::{Error, Registry, RegistryId, Repository};

use crate::Api;

/// An operation of the API: the value is its input.
pub trait Operation: DeserializeOwned + Send + Sync + 'static {
    /// The name in the model and on the wire.
    const NAME: &'static str;
    /// The action that the caller must be allowed.
    const ACTION: Action;
    /// What it is run on.
    type Target: Target;
    type Output: Serialize + Send;

    /// Which registry and repository the input names.
    fn address(&self) -> Address<'_>;

    /// Does it. Everything that can be refused without the database was refused before.
    fn run(
        self,
        call: Call<Self::Target>,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// The names in an input that say what it is about.
#[derive(Clone, Copy, Default)]
pub struct Address<'a> {
    /// The caller's own registry if None.
    pub registry_id: Option<&'a str>,
    /// Empty where no repository is named.
    pub repository: &'a str,
}

/// An authorised call.
pub struct Call<T> {
    pub api: Api,
    pub caller: Arc<Caller>,
    /// The registry that is addressed.
    pub registry_id: RegistryId,
    pub target: T,
}

impl<T> Call<T> {
    /// The rooms.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.api.registry
    }
}

/// A kind of thing that operations are run on.
pub trait Target: Sized + Send + 'static {
    /// Decides, then looks it up.
    fn reach(
        registry: &Registry,
        caller: &Caller,
        action: Action,
        id: &RegistryId,
        name: &str,
    ) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// The registry as a whole; the resource is `*`.
pub struct OwnRegistry;

/// A list of repositories, whose resources only the operation knows: the rooms decide for each.
pub struct Listing;

impl Target for Repository {
    async fn reach(
        registry: &Registry,
        caller: &Caller,
        action: Action,
        id: &RegistryId,
        name: &str,
    ) -> Result<Repository, Error> {
        registry.repository(caller, action, id, name).await
    }
}

impl Target for OwnRegistry {
    async fn reach(
        registry: &Registry,
        caller: &Caller,
        action: Action,
        id: &RegistryId,
        _: &str,
    ) -> Result<OwnRegistry, Error> {
        registry.authorise(caller, action, &Resource::Registry { account: &id.account })?;
        Ok(OwnRegistry)
    }
}

impl Target for Listing {
    async fn reach(
        _: &Registry,
        _: &Caller,
        _: Action,
        _: &RegistryId,
        _: &str,
    ) -> Result<Listing, Error> {
        Ok(Listing)
    }
}
