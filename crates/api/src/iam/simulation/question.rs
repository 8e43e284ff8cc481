//! What a simulation asks: actions, resources, and what would be known of the request.

use serde::Deserialize;
use wharf_policy::{
    AccountId, Caller, CallerKeys, Context, Document, Fact, Facts, Grammar, Key, Policy,
    ResourcePolicies, Scope, Value,
};

use super::sources::{input, invalid};
use crate::query::Error;

/// What is asked.
pub(super) struct Question {
    pub(super) caller: Caller,
    pub(super) caller_keys: CallerKeys,
    pub(super) actions: Vec<String>,
    pub(super) resources: Option<Vec<String>>,
    pub(super) resource_policy: Option<String>,
    pub(super) resource_owner: Option<String>,
    pub(super) entries: Vec<Entry>,
    pub(super) handling: Option<String>,
}

/// A condition key with its values.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    context_key_name: Option<String>,
    context_key_values: Option<Vec<String>>,
    context_key_type: Option<String>,
}

/// The entries as the policies see them.
pub(super) struct Known {
    facts: Facts,
    caller_keys: CallerKeys,
}

impl Context for Known {
    fn value(&self, key: &Key) -> Option<Value<'_>> {
        self.facts.value(key)
    }

    fn caller_keys(&self) -> CallerKeys {
        self.caller_keys
    }
}

impl Question {
    /// Refuses what AWS refuses of a question.
    pub(super) fn check(&self) -> Result<(), Error> {
        for action in &self.actions {
            let named = action.split_once(':').is_some_and(|(service, name)| {
                !service.is_empty() && !name.is_empty() && !name.contains(':')
            });
            if !named || action.contains(['*', '?']) {
                return Err(input(format!("Invalid action name: {action}")));
            }
        }
        match &self.handling {
            // It tells how EC2 puts its resources together, and means nothing for others.
            Some(handling) => Err(input(format!("Invalid ResourceHandlingOption: {handling}"))),
            None => Ok(()),
        }
    }

    /// The context of all evaluations.
    pub(super) fn known(&self) -> Result<Known, Error> {
        let mut facts = Vec::new();
        for entry in &self.entries {
            let Some(name) = &entry.context_key_name else {
                return Err(input("A context entry has no ContextKeyName".to_owned()));
            };
            let values = entry.context_key_values.clone().unwrap_or_default();
            let many = entry.context_key_type.as_deref().is_some_and(|kind| kind.ends_with("List"));
            let fact = match (many, values.as_slice()) {
                (false, [one]) => Fact::One(one.clone()),
                (true, _) => Fact::Many(values),
                (false, values) => {
                    let told = format!("{name} has {} values, and its type has one", values.len());
                    return Err(input(told));
                }
            };
            facts.push((name.clone(), fact));
        }
        Ok(Known { facts: facts.into_iter().collect(), caller_keys: self.caller_keys })
    }

    /// The resources: `*` where none is named.
    pub(super) fn resources(&self) -> Vec<&str> {
        match self.resources.as_deref() {
            None | Some([]) => vec!["*"],
            Some(resources) => resources.iter().map(String::as_str).collect(),
        }
    }

    /// The account that the resource belongs to: the one in its ARN, else the one that is named as
    /// the owner, else the caller's.
    pub(super) fn owner(&self, resource: &str) -> AccountId {
        let of_arn = |arn: &str| arn.split(':').nth(4).and_then(|account| account.parse().ok());
        let named = || self.resource_owner.as_deref().and_then(of_arn);
        of_arn(resource).or_else(named).unwrap_or_else(|| self.caller.account.clone())
    }

    /// The policy of the resource, if the request brings one, for this action.
    pub(super) fn resource_policy(&self, action: &str) -> Result<Option<Policy>, Error> {
        let Some(text) = &self.resource_policy else { return Ok(None) };
        let grammar = if is_trust(action) { Grammar::Trust } else { Grammar::Repository };
        let id = "ResourcePolicy";
        let document = Document::parse(text, grammar).map_err(|fault| invalid(id, &fault))?;
        Ok(Some(Policy::new(&document, grammar, id)))
    }
}

/// The policy of a resource as evaluations take it.
pub(super) fn of_resource<'a>(action: &str, policy: Option<&'a Policy>) -> ResourcePolicies<'a> {
    match policy {
        None => ResourcePolicies::None,
        Some(policy) if is_trust(action) => ResourcePolicies::Trust(Some(policy)),
        Some(policy) => {
            ResourcePolicies::Ecr { repository: Some(policy), registry: None, scope: Scope::V2 }
        }
    }
}

/// A role's policy says who may take it.
fn is_trust(action: &str) -> bool {
    action.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("sts:AssumeRole"))
}
