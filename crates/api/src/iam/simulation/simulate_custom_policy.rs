//! SimulateCustomPolicy: what policies that nobody has would decide, and why.

use serde::Deserialize;
use wharf_policy::{Action, CallerKeys};

use super::outcome::{Outcome, simulate};
use super::question::{Entry, Question};
use super::sources;
use crate::iam::not_served;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SimulateCustomPolicy {
    policy_input_list: Vec<String>,
    permissions_boundary_policy_input_list: Option<Vec<String>>,
    ordered_organization_policy_input_list: Option<Vec<OrganizationPolicies>>,
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

/// What an organisation lays over its accounts. Wharf has no organisations.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrganizationPolicies {
    service_control_policy_input_list: Option<Vec<String>>,
    resource_control_policy_input_list: Option<Vec<String>>,
}

impl Operation for SimulateCustomPolicy {
    const NAME: &'static str = "SimulateCustomPolicy";
    const ACTION: Action = Action::new("iam:SimulateCustomPolicy");
    type Output = Outcome;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Outcome, Error> {
        let levels = self.ordered_organization_policy_input_list.unwrap_or_default();
        let given = levels.iter().any(|level| {
            level.service_control_policy_input_list.is_some()
                || level.resource_control_policy_input_list.is_some()
        });
        not_served("OrderedOrganizationPolicyInputList", given)?;
        let (caller, caller_keys) = match &self.caller_arn {
            Some(arn) => (sources::caller(&call, arn)?, CallerKeys::Last),
            None if self.resource_policy.is_some() => return Err(sources::needs_caller()),
            None => (sources::nobody(&call), CallerKeys::Hidden),
        };
        let boundary = sources::inputs(
            "PermissionsBoundaryPolicyInputList",
            self.permissions_boundary_policy_input_list,
        );
        let given = sources::inputs("PolicyInputList", Some(self.policy_input_list));
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
        let parts = [Self::NAME];
        simulate(
            &call,
            &question,
            given,
            boundary,
            (&parts, self.marker.as_deref(), self.max_items),
        )
    }
}
