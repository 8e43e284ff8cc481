//! A case of the table as callers, policies and context: what a gate would put together; and short
//! words for the policies and outcomes that the tests speak of.
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::sync::Arc;

use serde_json::{Value as Json, json};
use wharf_policy::{
    AccountId, Caller, Document, Evaluation, Fact, Facts, Grammar, Layer, Outcome, Policies,
    Policy, Request, Resource, ResourcePolicies, Scope, evaluate,
};

/// Everything that a request is evaluated from, owned.
pub struct World {
    caller: Caller,
    account: AccountId,
    action: String,
    resource: String,
    context: Facts,
    identity: Vec<(Json, Arc<Policy>)>,
    boundary: Option<Policy>,
    session: Option<Vec<Arc<Policy>>>,
    repository: Option<Policy>,
    registry: Option<Policy>,
    scope: Scope,
    trust: Option<Policy>,
}

impl World {
    pub fn of(case: &Json) -> World {
        let text = |name: &str| case[name].as_str().unwrap().to_owned();
        let resource = text("resource");
        let account = match case["resource_account"].as_str() {
            Some(account) => account.parse(),
            None => resource.split(':').nth(4).unwrap().parse(),
        };
        let one = |name: &str, grammar| {
            (!case[name].is_null()).then(|| policy(&case[name], grammar, name))
        };
        let list = |name: &str| case[name].as_array().cloned().unwrap_or_default();
        let session = case["session"].as_array().filter(|list| !list.is_empty()).map(|list| {
            let compiled = list.iter().map(|one| policy(one, Grammar::Identity, "session"));
            compiled.map(Arc::new).collect()
        });
        let identity = list("identity").into_iter().map(|document| {
            let compiled = policy(&document, Grammar::Identity, "identity");
            (document, compiled.into())
        });
        World {
            caller: caller(&text("principal")),
            account: account.unwrap(),
            action: text("action"),
            resource,
            context: context(&case["context"]),
            identity: identity.collect(),
            boundary: one("boundary", Grammar::Identity),
            session,
            repository: one("repository", Grammar::Repository),
            scope: if case["registry_scope"] == "V1" { Scope::V1 } else { Scope::V2 },
            registry: one("registry", Grammar::Registry(Scope::V2)),
            trust: one("trust", Grammar::Trust),
        }
    }

    pub fn evaluate(&self) -> Record {
        let identity: Vec<Arc<Policy>> =
            self.identity.iter().map(|(_, policy)| policy.clone()).collect();
        let request = Request {
            caller: &self.caller,
            action: &self.action,
            resource: Resource::Named { account: &self.account, arn: &self.resource },
            context: &self.context,
        };
        let resource = match (&self.trust, self.action.starts_with("ecr:")) {
            (Some(trust), _) => ResourcePolicies::Trust(Some(trust)),
            (None, true) => ResourcePolicies::Ecr {
                repository: self.repository.as_ref(),
                registry: self.registry.as_ref(),
                scope: self.scope,
            },
            (None, false) => ResourcePolicies::None,
        };
        let policies = Policies {
            identity: &identity,
            boundary: self.boundary.as_ref(),
            session: self.session.as_deref(),
            token: None,
            resource,
        };
        Record::of(&evaluate(&request, &policies))
    }

    /// Replaces the statements of each identity policy by what `change` makes of them.
    pub fn change(&mut self, change: impl Fn(&mut Vec<Json>) -> Vec<Json>) {
        for (document, compiled) in &mut self.identity {
            let mut statements = document["Statement"].as_array().unwrap().clone();
            document["Statement"] = change(&mut statements).into();
            *compiled = policy(document, Grammar::Identity, "identity").into();
        }
    }

    pub fn add_to_identity(&mut self, statement: &Json) {
        let document = serde_json::json!({"Version": "2012-10-17", "Statement": [statement]});
        let compiled = policy(&document, Grammar::Identity, "added");
        self.identity.insert(0, (document, compiled.into()));
    }
}

/// What an evaluation says, without its borrows.
#[derive(Debug, PartialEq)]
pub struct Record {
    pub outcome: wharf_policy::Outcome,
    pub layer: Option<wharf_policy::Layer>,
    pub policy: Option<String>,
    pub index: Option<usize>,
    pub missing: Vec<String>,
}

impl Record {
    pub fn of(evaluation: &Evaluation<'_>) -> Record {
        Record {
            outcome: evaluation.outcome,
            layer: evaluation.layer,
            policy: evaluation.statement.map(|statement| statement.policy.name().to_owned()),
            index: evaluation.statement.map(|statement| statement.index),
            missing: evaluation.missing.iter().map(|key| key.as_str().to_owned()).collect(),
        }
    }
}

pub fn policy(document: &Json, grammar: Grammar, name: &str) -> Policy {
    let text = document.to_string();
    let accepted = match document["Version"].as_str() {
        // What is stored may be older than what may be written.
        Some("2008-10-17") if grammar == Grammar::Identity => Document::parse(&text, grammar),
        _ => Document::accept(&text, grammar),
    };
    let document = accepted.unwrap_or_else(|fault| panic!("{}: {text}", fault.detail()));
    Policy::new(&document, grammar, name)
}

pub fn caller(arn: &str) -> Caller {
    let account: AccountId = arn.split(':').nth(4).unwrap().parse().unwrap();
    let (kind, rest) = arn.rsplit(':').next().unwrap().split_once('/').unwrap_or(("root", ""));
    match kind {
        "root" => Caller::root(account, "AKIAROOT".to_owned()),
        "user" => Caller::user(account, arn, "AIDAALICE0000000000AA", "AKIAUSER"),
        "assumed-role" => {
            let (role, session) = rest.split_once('/').unwrap();
            let role = format!("arn:aws:iam::{account}:role/{role}");
            Caller::role_session(account, &role, "AROACI000000000000AAA", session, "ASIAROLE")
        }
        "federated-user" => {
            let user = format!("arn:aws:iam::{account}:user/alice");
            Caller::federated_user(account, rest, &user, "AIDAALICE0000000000AA", "ASIAFED")
        }
        other => panic!("{other}"),
    }
}

pub fn context(facts: &Json) -> Facts {
    let Some(facts) = facts.as_object() else { return Facts::default() };
    let facts = facts.iter().map(|(key, value)| {
        let fact = match value {
            Json::Array(values) => {
                Fact::Many(values.iter().map(|value| value.as_str().unwrap().to_owned()).collect())
            }
            value => Fact::One(value.as_str().unwrap().to_owned()),
        };
        (key.clone(), fact)
    });
    facts.collect()
}

pub const APP: &str = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";
pub const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
pub const ROLE: &str = "arn:aws:iam::111122223333:role/ci";
pub const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/ci/build-7";
pub const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/tmp";
pub const ROOT: &str = "arn:aws:iam::111122223333:root";

pub fn allow(action: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}})
}

pub fn grant(effect: &str, principal: &Json, action: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement":
        {"Effect": effect, "Principal": principal, "Action": action}})
}

pub fn outcome(case: &Json) -> (Outcome, Option<Layer>) {
    let evaluated = World::of(case).evaluate();
    let denied = evaluated.outcome != Outcome::Allow;
    (evaluated.outcome, evaluated.layer.filter(|_| denied))
}

pub const ALLOW: (Outcome, Option<Layer>) = (Outcome::Allow, None);

pub fn silent(layer: Layer) -> (Outcome, Option<Layer>) {
    (Outcome::ImplicitDeny, Some(layer))
}

pub fn denied(layer: Layer) -> (Outcome, Option<Layer>) {
    (Outcome::ExplicitDeny, Some(layer))
}
