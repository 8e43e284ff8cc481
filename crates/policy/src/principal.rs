//! A principal as it stands now: who calls, with every policy that speaks for it and that bounds it.
//! What is asked for, and the policies of what is asked for, are the gate's.

use std::sync::Arc;

use crate::evaluation::keeps_the_keys;
use crate::{
    Action, Caller, Context, Decision, Key, Origin, Policies, Policy, Request, Resource,
    ResourcePolicies, Trail, Value, evaluate, locks_out,
};

/// Who calls, with the policies that belong to it. Cheap to share.
#[derive(Clone, Debug)]
pub struct Principal {
    pub caller: Arc<Caller>,
    /// Managed and inline policies of the user and of its groups, or of the role. A root has none
    /// and needs none.
    pub identity: Arc<[Arc<Policy>]>,
    /// The permissions boundary of the user or role.
    pub boundary: Option<Arc<Policy>>,
    /// The session policies of temporary credentials, if they were given any.
    pub session: Option<Arc<[Arc<Policy>]>>,
    /// What a registry token was narrowed to, if it was.
    pub token: Option<Arc<[Arc<Policy>]>>,
}

/// A principal that asks for something, and how its request came.
#[derive(Clone, Debug)]
pub struct Requester {
    pub principal: Arc<Principal>,
    pub origin: Arc<Origin>,
    /// Where the decisions are noted.
    pub trail: Trail,
}

impl Principal {
    /// A caller without any policy of its own: a root.
    #[must_use]
    pub fn root(caller: Caller) -> Principal {
        Principal {
            caller: Arc::new(caller),
            identity: Arc::new([]),
            boundary: None,
            session: None,
            token: None,
        }
    }

    /// All policies that have a say, with those of what is asked for.
    #[must_use]
    pub fn policies<'a>(&'a self, resource: ResourcePolicies<'a>) -> Policies<'a> {
        Policies {
            identity: &self.identity,
            boundary: self.boundary.as_deref(),
            session: self.session.as_deref(),
            token: self.token.as_deref(),
            resource,
        }
    }
}

impl Requester {
    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.principal.caller
    }

    /// Whether the principal may do `action` on `resource`, which has these policies. What
    /// `context` has no value for is asked of the request's origin. The decision is noted.
    pub fn decide(
        &self,
        action: Action,
        resource: Resource<'_>,
        context: &dyn Context,
        resource_policies: ResourcePolicies<'_>,
    ) -> Decision {
        let context = Both(context, &*self.origin);
        let request = Request {
            caller: &self.principal.caller,
            action: action.as_str(),
            resource,
            context: &context,
        };
        let policies = self.principal.policies(resource_policies);
        let evaluation = evaluate(&request, &policies);
        self.trail.note(&request, &evaluation);
        evaluation.decision(&request)
    }

    /// Whether the principal may do `action` on `resource` whatever policies these have: the root of
    /// the account, when it repairs them.
    #[must_use]
    pub fn keeps_the_keys(&self, action: Action, resource: &Resource<'_>) -> bool {
        keeps_the_keys(&self.principal.caller, action.as_str(), resource)
    }

    /// Whether the principal could not set another policy on the repository `resource` if it had
    /// these policies. Nothing is noted, since nothing is decided.
    #[must_use]
    pub fn would_be_locked_out(
        &self,
        resource: Resource<'_>,
        context: &dyn Context,
        resource_policies: ResourcePolicies<'_>,
    ) -> bool {
        let context = Both(context, &*self.origin);
        let caller = &self.principal.caller;
        let action = Action::SET_REPOSITORY_POLICY.as_str();
        let request = Request { caller, action, resource, context: &context };
        locks_out(&request, &self.principal.policies(resource_policies))
    }
}

/// The first that has a value answers.
struct Both<'a>(&'a dyn Context, &'a dyn Context);

impl Context for Both<'_> {
    fn value(&self, key: &Key) -> Option<Value<'_>> {
        self.0.value(key).or_else(|| self.1.value(key))
    }
}
