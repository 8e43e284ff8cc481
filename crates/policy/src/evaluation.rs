//! The evaluation of a request: which policies deny, which allow, and what follows.
//!
//! Source: the IAM User Guide, "Policy evaluation logic", and for requests across accounts
//! "Cross-account policy evaluation logic".

mod judgement;

use std::collections::HashSet;
use std::sync::Arc;

use judgement::{Verdict, judge};

use crate::arn::Arn;
use crate::document::Scope;
use crate::policy::{Policy, Question, Rule};
use crate::template::Lookup;
use crate::{Caller, CallerKeys, Context, Decision, Denial, Key, Kind, Layer, Resource, Value};

/// What somebody wants to do.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub caller: &'a Caller,
    /// `service:Operation` in AWS's casing.
    pub action: &'a str,
    pub resource: Resource<'a>,
    pub context: &'a dyn Context,
}

/// The policies that have a say in a request.
#[derive(Clone, Copy, Default)]
pub struct Policies<'a> {
    /// Managed and inline policies of the user and of all their groups, or of the role. Not asked
    /// where the caller is a root.
    pub identity: &'a [Arc<Policy>],
    /// The permissions boundary of the user or role. Not asked where the caller is a root.
    pub boundary: Option<&'a Policy>,
    /// The session policies that AssumeRole or GetFederationToken was given, if any; they add up. A
    /// federated user without any may do nothing but what a resource's policy grants to it.
    pub session: Option<&'a [Arc<Policy>]>,
    /// What a registry token was narrowed to, if it was. An extension of ours, and stricter than a
    /// session policy: no grant of a resource's policy lifts it.
    pub token: Option<&'a [Arc<Policy>]>,
    /// The policies of what the request is about.
    pub resource: ResourcePolicies<'a>,
}

/// The policies of what a request is about.
#[derive(Clone, Copy, Default)]
pub enum ResourcePolicies<'a> {
    /// It can have none: a user, a group, a managed policy.
    #[default]
    None,
    /// Of a repository (if the request is about one) and of its registry. Both are one set.
    Ecr { repository: Option<&'a Policy>, registry: Option<&'a Policy>, scope: Scope },
    /// The trust policy of the role that is to be assumed; none if there is no such role. It must
    /// allow, whoever calls.
    Trust(Option<&'a Policy>),
}

/// What came out, and what it rests on.
#[derive(Debug)]
#[must_use]
pub struct Evaluation<'a> {
    pub outcome: Outcome,
    /// The layer that denied, or, of what is allowed, that allowed; none where no permission is
    /// needed.
    pub layer: Option<Layer>,
    /// The statement that decided; none where silence did.
    pub statement: Option<Deciding<'a>>,
    /// Keys that conditions and variables asked for and that the request does not have, each once,
    /// in the order met. A statement is left at its first condition that fails, and after an Allow
    /// only a Deny is looked for; all keys of a policy are told by
    /// [`crate::Document::context_keys`].
    pub missing: Vec<&'a Key>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Allow,
    /// A statement says Deny.
    ExplicitDeny,
    /// Nothing says Allow where something must.
    ImplicitDeny,
}

/// A statement that decided.
#[derive(Clone, Copy, Debug)]
pub struct Deciding<'a> {
    pub policy: &'a Policy,
    /// Counted from zero.
    pub index: usize,
    pub sid: Option<&'a str>,
}

/// Evaluates `request` under `policies`. Pure: the answer depends on nothing else.
pub fn evaluate<'a>(request: &Request<'a>, policies: &Policies<'a>) -> Evaluation<'a> {
    if request.action.eq_ignore_ascii_case("sts:GetCallerIdentity") {
        return Evaluation {
            outcome: Outcome::Allow,
            layer: None,
            statement: None,
            missing: Vec::new(),
        };
    }
    let text = request.resource.to_string();
    let action = request.action.to_ascii_lowercase();
    let (service, name) = action.split_once(':').unwrap_or(("", &action));
    let question = Question { caller: request.caller, service, name, resource: Arn::parse(&text) };
    let mut facts = Facts {
        caller: request.caller,
        context: request.context,
        missing: Vec::new(),
        noted: HashSet::new(),
    };
    let Verdict { outcome, layer, statement } = judge(request, policies, &question, &mut facts);
    Evaluation { outcome, layer, statement, missing: facts.missing }
}

impl<'a> ResourcePolicies<'a> {
    fn layer(&self) -> Layer {
        match self {
            ResourcePolicies::None | ResourcePolicies::Ecr { .. } => Layer::Resource,
            ResourcePolicies::Trust(_) => Layer::Trust,
        }
    }

    /// Those that have a say in this request.
    fn voices(&self, request: &Request<'_>) -> impl Iterator<Item = &'a Policy> + use<'a> {
        let [first, second] = match *self {
            ResourcePolicies::None => [None, None],
            ResourcePolicies::Trust(trust) => [trust, None],
            ResourcePolicies::Ecr { .. }
                if keeps_the_keys(request.caller, request.action, &request.resource) =>
            {
                [None, None]
            }
            ResourcePolicies::Ecr { repository, registry, scope } => {
                [repository, registry.filter(|_| scope.covers(request.action))]
            }
        };
        first.into_iter().chain(second)
    }
}

/// The calls that repair a policy which shuts everybody out: the root of the account keeps them,
/// whatever the policy says.
pub(crate) fn keeps_the_keys(caller: &Caller, action: &str, resource: &Resource<'_>) -> bool {
    const REPAIR: [&str; 6] = [
        "ecr:GetRepositoryPolicy",
        "ecr:SetRepositoryPolicy",
        "ecr:DeleteRepositoryPolicy",
        "ecr:GetRegistryPolicy",
        "ecr:PutRegistryPolicy",
        "ecr:DeleteRegistryPolicy",
    ];
    caller.kind == Kind::Root
        && caller.account == *resource.account()
        && REPAIR.iter().any(|known| known.eq_ignore_ascii_case(action))
}

/// Whether a new policy for the repository would take from the caller the right to change it again.
/// SetRepositoryPolicy refuses such a policy unless it is forced. `policies` are those of a request
/// for `ecr:SetRepositoryPolicy`, with the new policy in the repository's place.
#[must_use]
pub fn locks_out(request: &Request<'_>, policies: &Policies<'_>) -> bool {
    let request = Request { action: "ecr:SetRepositoryPolicy", ..*request };
    evaluate(&request, policies).outcome != Outcome::Allow
}

impl<'a> Deciding<'a> {
    fn new(policy: &'a Policy, index: usize, rule: &'a Rule) -> Deciding<'a> {
        Deciding { policy, index, sid: rule.sid.as_deref() }
    }
}

impl Evaluation<'_> {
    /// The decision for who asked, with AWS's sentence if it is a refusal.
    pub fn decision(&self, request: &Request<'_>) -> Decision {
        if self.outcome == Outcome::Allow {
            return Decision::Allow;
        }
        let explicit = self.outcome == Outcome::ExplicitDeny;
        let arn = self.statement.filter(|_| explicit).and_then(|statement| statement.policy.arn());
        Decision::Deny(Denial {
            principal: request.caller.arn.clone(),
            action: request.action.into(),
            resource: request.resource.to_string(),
            layer: self.layer.unwrap_or(Layer::Identity),
            explicit,
            policy: arn.map(Into::into),
        })
    }
}

/// Answers for keys, and notes which are missing.
struct Facts<'a> {
    caller: &'a Caller,
    context: &'a dyn Context,
    missing: Vec<&'a Key>,
    /// The same, to tell whether one is noted: a policy can ask for thousands.
    noted: HashSet<&'a Key>,
}

impl<'a> Lookup<'a> for Facts<'a> {
    fn look_up(&mut self, key: &'a Key) -> Option<Value<'a>> {
        let value = match self.context.caller_keys() {
            CallerKeys::First => self.caller.value(key).or_else(|| self.context.value(key)),
            CallerKeys::Last => self.context.value(key).or_else(|| self.caller.value(key)),
            CallerKeys::Hidden => self.context.value(key),
        };
        if value.is_none() && self.noted.insert(key) {
            self.missing.push(key);
        }
        value
    }
}
