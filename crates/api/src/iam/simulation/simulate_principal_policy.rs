//! SimulatePrincipalPolicy: what the policies of a user, group or role would decide, and why.

use serde::Deserialize;
use wharf_identity::{Entity, Kind, Source};
use wharf_policy::{Action, Caller, CallerKeys};

use super::excluded::{Excluded, is_excluded};
use super::outcome::{Outcome, simulate};
use super::question::{Entry, Question};
use super::sources::{self, Given};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SimulatePrincipalPolicy {
    policy_source_arn: String,
    policy_input_list: Option<Vec<String>>,
    permissions_boundary_policy_input_list: Option<Vec<String>>,
    policy_exclusion_list: Option<Vec<Excluded>>,
    action_names: Vec<String>,
    resource_arns: Option<Vec<String>>,
    resource_policy: Option<String>,
    resource_owner: Option<String>,
    caller_arn: Option<String>,
    context_entries: Option<Vec<Entry>>,
    resource_handling_option: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

impl Operation for SimulatePrincipalPolicy {
    const NAME: &'static str = "SimulatePrincipalPolicy";
    const ACTION: Action = Action::new("iam:SimulatePrincipalPolicy");
    type Output = Outcome;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_source_arn)
    }

    async fn run(self, call: Call) -> Result<Outcome, Error> {
        let source = call.entity_of_arn(&self.policy_source_arn)?;
        let found = call.identity().policy_sources(&source.id).await?;
        let found = found.ok_or_else(|| absent(source))?;
        let exclusions = self.policy_exclusion_list.unwrap_or_default();
        let mut given: Vec<Given> = found
            .identity
            .into_iter()
            .filter(|source| !is_excluded(source, false, &exclusions))
            .map(Given::stored)
            .collect();
        given.extend(sources::inputs("PolicyInputList", self.policy_input_list));
        let boundary = match self.permissions_boundary_policy_input_list {
            Some(list) => sources::inputs("PermissionsBoundaryPolicyInputList", Some(list)),
            None => stored_boundary(found.boundary, &exclusions),
        };
        let tags = call.identity().tags(&source.id, "", wharf_identity::limit::TAGS).await?;
        let tags = tags.into_iter().map(|tag| (tag.key, tag.value)).collect::<Vec<_>>();
        let (caller, caller_keys) = match &self.caller_arn {
            Some(arn) => (sources::caller(&call, arn)?, CallerKeys::Last),
            None if source.kind == Kind::Group && self.resource_policy.is_some() => {
                return Err(sources::needs_caller());
            }
            None => stands_for(&call, source, tags),
        };
        let question = Question {
            caller,
            caller_keys,
            actions: self.action_names,
            resources: self.resource_arns,
            resource_policy: self.resource_policy,
            resource_owner: self.resource_owner,
            entries: self.context_entries.unwrap_or_default(),
            handling: self.resource_handling_option,
        };
        let parts = [Self::NAME, &self.policy_source_arn];
        simulate(
            &call,
            &question,
            given,
            boundary,
            (&parts, self.marker.as_deref(), self.max_items),
        )
    }
}

fn stored_boundary(boundary: Option<Source>, exclusions: &[Excluded]) -> Vec<Given> {
    let kept = boundary.filter(|boundary| !is_excluded(boundary, true, exclusions));
    kept.map(Given::stored).into_iter().collect()
}

/// Who asks when the policies are those of `source`: of a group, nobody in particular.
fn stands_for(call: &Call, source: &Entity, tags: Vec<(String, String)>) -> (Caller, CallerKeys) {
    let (account, arn) = (source.account.clone(), source.arn());
    match source.kind {
        Kind::User => {
            let caller = Caller::user(account, &arn, &source.id, "");
            (Caller { tags: tags.into(), ..caller }, CallerKeys::Last)
        }
        Kind::Role => {
            let caller = Caller::role_session(account, &arn, &source.id, "simulation", "");
            (Caller { tags: tags.into(), ..caller }, CallerKeys::Last)
        }
        _ => (sources::nobody(call), CallerKeys::Hidden),
    }
}

fn absent(source: &Entity) -> Error {
    let (kind, name) = (source.kind, source.name.clone());
    wharf_identity::Error::NoSuchEntity { kind, name }.into()
}
