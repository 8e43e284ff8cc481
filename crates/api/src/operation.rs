//! What an operation is, and what it is run on.
//!
//! A [`Call`] can only be made here, after the decision about the operation's own action; so an
//! operation cannot forget to ask.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wharf_policy::{
    AccountId, Action, Caller, Facts, InvalidAccountId, Region, Requester, Resource,
};
use wharf_registry::{Ask, Error, Registry, RegistryId, Repository};

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

    /// What conditions can ask of the input: an element for each thing that must be allowed by
    /// itself, none where there is nothing to ask.
    fn facts(&self) -> Vec<Facts> {
        Vec::new()
    }

    /// Does it. Everything that can be refused without the database was refused before.
    fn run(
        self,
        call: Call<Self::Target>,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// What in an input says what it is about.
#[derive(Clone, Copy)]
pub enum Address<'a> {
    /// The caller's own registry.
    Own,
    /// This registry, or the caller's own.
    Registry(Option<&'a str>),
    /// The repository of this name in this registry, or in the caller's own.
    Repository(Option<&'a str>, &'a str),
    /// The repository with this ARN.
    Arn(&'a str),
}

impl<'a> Address<'a> {
    /// The registry, and the repository's name; empty where none is named.
    ///
    /// # Errors
    /// A registry id that is none, and an ARN that is none of a repository in this Region.
    pub(crate) fn read(
        self,
        caller: &Caller,
        region: Region,
    ) -> Result<(RegistryId, &'a str), Error> {
        let (account, name) = match self {
            Address::Own => (None, ""),
            Address::Registry(id) => (id, ""),
            Address::Repository(id, name) => (id, name),
            Address::Arn(arn) => {
                let (account, name) = read_arn(arn, &region).ok_or_else(|| Error::Parameter {
                    path: "resourceArn",
                    reason: "Invalid ARN".to_owned(),
                })?;
                (Some(account), name)
            }
        };
        let account = match account {
            Some(id) => id.parse().map_err(|error: InvalidAccountId| Error::Parameter {
                path: "registryId",
                reason: error.to_string(),
            })?,
            None => caller.account.clone(),
        };
        Ok((RegistryId { account, region }, name))
    }
}

/// Account and name in `arn:aws:ecr:<region>:<account>:repository/<name>`.
fn read_arn<'a>(arn: &'a str, region: &Region) -> Option<(&'a str, &'a str)> {
    let rest = arn.strip_prefix("arn:")?.strip_prefix(wharf_policy::PARTITION)?;
    let rest = rest.strip_prefix(":ecr:")?.strip_prefix(region.as_str())?.strip_prefix(':')?;
    let (account, resource) = rest.split_once(':')?;
    account.parse::<AccountId>().ok()?;
    let name = resource.strip_prefix("repository/")?;
    name.bytes().all(|byte| byte.is_ascii_graphic()).then_some((account, name))
}

/// An authorised call.
pub struct Call<T> {
    pub api: Api,
    pub requester: Requester,
    /// The registry that is addressed.
    pub registry_id: RegistryId,
    pub target: T,
}

impl<T> Call<T> {
    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        self.requester.caller()
    }

    /// The rooms.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.api.registry
    }
}

/// A kind of thing that operations are run on.
pub trait Target: Sized + Send + 'static {
    /// Decides, and gives it to who is allowed.
    fn reach(
        registry: &Registry,
        ask: Ask<'_>,
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
        ask: Ask<'_>,
        id: &RegistryId,
        name: &str,
    ) -> Result<Repository, Error> {
        registry.repository(ask, id, name).await
    }
}

impl Target for OwnRegistry {
    async fn reach(
        registry: &Registry,
        ask: Ask<'_>,
        id: &RegistryId,
        _: &str,
    ) -> Result<OwnRegistry, Error> {
        registry.authorise(ask, id, Resource::Registry { account: &id.account }).await?;
        Ok(OwnRegistry)
    }
}

impl Target for Listing {
    async fn reach(_: &Registry, _: Ask<'_>, _: &RegistryId, _: &str) -> Result<Listing, Error> {
        Ok(Listing)
    }
}
