//! The gate. Every way to a repository or a registry passes here, names its action, and is decided
//! by the policies of who asks and of what is asked for. Only who is allowed learns what exists.

use std::sync::Arc;

use wharf_oci::Digest;
use wharf_policy::{
    AccountId, Action, Context, Decision, Facts, Key, Nothing, Policy, Region, Requester, Resource,
    Value,
};

use crate::policies::Policies;
use crate::repository::{Known, not_found};
use crate::{Error, Registry, Repository, image};

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

/// Who wants to do what.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub requester: &'a Requester,
    pub action: Action,
    /// What the request says beyond its action and its repository, such as the tags it sets. A
    /// request about several images has an element for each, and each must be allowed.
    pub facts: &'a [Facts],
}

/// What conditions can ask about a request besides who asks and how.
struct Circumstances<'a> {
    facts: &'a dyn Context,
    account: &'a AccountId,
    known: Option<&'a Known>,
}

impl Context for Circumstances<'_> {
    fn value(&self, key: &Key) -> Option<Value<'_>> {
        match key.name() {
            "aws:resourcetag" | "ecr:resourcetag" => {
                let tags = &self.known?.tags;
                key.tag_in(tags.iter().map(|tag| (&*tag.key, &*tag.value))).map(Value::one)
            }
            "aws:resourceaccount" => Some(Value::one(self.account.as_str())),
            _ => self.facts.value(key),
        }
    }
}

impl Registry {
    /// Counts a request for `action`, and refuses it to an account that asks too often. Once a
    /// request, at both doors, whatever comes of it.
    pub fn admit(&self, requester: &Requester, action: Action) -> Result<(), Error> {
        self.rates.take(&requester.caller().account, action)
    }

    /// Decides about something that is not one repository: the registry, or all repositories.
    pub async fn authorise(
        &self,
        ask: Ask<'_>,
        id: &RegistryId,
        resource: Resource<'_>,
    ) -> Result<(), Error> {
        settled(self.decide(ask, id, resource, None).await?)?;
        self.writable(ask.action)
    }

    /// The repository of this name. A name that cannot exist is as unknown as one that does not.
    pub async fn repository(
        &self,
        ask: Ask<'_>,
        id: &RegistryId,
        name: &str,
    ) -> Result<Repository, Error> {
        let known = self.find_repository(id, name).await?;
        settled(self.decide(ask, id, id.resource(name), known.as_deref()).await?)?;
        self.writable(ask.action)?;
        known.map(|known| known.repository()).ok_or_else(|| not_found(id, name))
    }

    /// The repository of this name, for either of two actions that only read, where holding one is
    /// as good as holding the other. The refusal names the first.
    pub async fn repository_for_either(
        &self,
        requester: &Requester,
        actions: [Action; 2],
        id: &RegistryId,
        name: &str,
    ) -> Result<Repository, Error> {
        let known = self.find_repository(id, name).await?;
        let [first, second] = actions.map(|action| Ask { requester, action, facts: &[] });
        let first = self.decide(first, id, id.resource(name), known.as_deref()).await?;
        let second = self.decide(second, id, id.resource(name), known.as_deref()).await?;
        settled(either(first, second))?;
        known.map(|known| known.repository()).ok_or_else(|| not_found(id, name))
    }

    /// Decides about an image that is deleted by its digest: it goes with all its tags, so each of
    /// them must be one that the caller may delete. A tag that is set meanwhile is not asked about.
    pub async fn authorise_deletion(
        &self,
        requester: &Requester,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<(), Error> {
        let tags = image::tags_on(self, repository, digest).await?;
        let facts = tags.iter().map(|tag| image::facts(Some(tag), Some(digest.as_str())));
        let facts: Vec<Facts> = facts.collect();
        if facts.is_empty() {
            return Ok(());
        }
        let ask = Ask { requester, action: Action::BATCH_DELETE_IMAGE, facts: &facts };
        self.repository(ask, repository.registry(), repository.name().as_str()).await.map(|_| ())
    }

    /// Whether `policy` in the place of the repository's would take from who asks the right to set
    /// another one.
    pub(crate) async fn locks_out(
        &self,
        requester: &Requester,
        repository: &Repository,
        policy: Policy,
    ) -> Result<bool, Error> {
        let (id, name) = (repository.registry(), repository.name().as_str());
        if requester.keeps_the_keys(Action::SET_REPOSITORY_POLICY, &id.resource(name)) {
            return Ok(false);
        }
        let known = self.find_repository(id, name).await?;
        let mut policies = self.policies(id, None).await?;
        policies.repository = Some(Arc::new(policy));
        let circumstances =
            Circumstances { facts: &Nothing, account: &id.account, known: known.as_deref() };
        let of_resource = policies.of_resource();
        Ok(requester.would_be_locked_out(id.resource(name), &circumstances, of_resource))
    }

    /// Evaluates the policies, for each element of the facts until one is refused.
    async fn decide(
        &self,
        ask: Ask<'_>,
        id: &RegistryId,
        resource: Resource<'_>,
        known: Option<&Known>,
    ) -> Result<Decision, Error> {
        let policies = match ask.requester.keeps_the_keys(ask.action, &resource) {
            // Not even one that cannot be read may stand in the way of its repair.
            true => Policies::NONE,
            false => self.policies(id, known).await?,
        };
        let one = |facts: &dyn Context| {
            let circumstances = Circumstances { facts, account: &id.account, known };
            ask.requester.decide(ask.action, resource, &circumstances, policies.of_resource())
        };
        if ask.facts.is_empty() {
            return Ok(one(&Nothing));
        }
        let mut decisions = ask.facts.iter().map(|facts| one(facts));
        Ok(decisions.find(|one| *one != Decision::Allow).unwrap_or(Decision::Allow))
    }

    /// Behind the decision a registry that is read-only refuses whatever would change something.
    pub fn writable(&self, action: Action) -> Result<(), Error> {
        if self.settings.read_only && action.is_write() { Err(Error::ReadOnly) } else { Ok(()) }
    }
}

fn settled(decision: Decision) -> Result<(), Error> {
    match decision {
        Decision::Allow => Ok(()),
        Decision::Deny(denial) => Err(Error::AccessDenied(Box::new(denial))),
    }
}

/// Allowed by one of two, and denied by neither.
fn either(first: Decision, second: Decision) -> Decision {
    match (first, second) {
        (Decision::Deny(denial), _) if denial.explicit => Decision::Deny(denial),
        (_, Decision::Deny(denial)) if denial.explicit => Decision::Deny(denial),
        (Decision::Allow, _) | (_, Decision::Allow) => Decision::Allow,
        (refused, _) => refused,
    }
}
