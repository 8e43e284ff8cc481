//! The evaluations of a simulation, and how they are told: one result for each action on each
//! resource.

use std::sync::Arc;

use serde::Serialize;
use wharf_policy::{
    Deciding, Evaluation, Outcome as Decided, Policies, Policy, Request, Resource, evaluate,
};

use super::place::{Place, of_statement};
use super::question::{Known, Question, of_resource};
use super::sources::{Given, input};
use crate::query::{Call, Error, Paged};

/// A page of results.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Outcome {
    evaluation_results: Vec<OneResult>,
    #[serde(flatten)]
    paged: Paged,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OneResult {
    eval_action_name: String,
    eval_resource_name: String,
    eval_decision: &'static str,
    matched_statements: Vec<Matched>,
    missing_context_values: Vec<String>,
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
    resource_specific_results: Vec<OnResource>,
}

/// The same once more: clients look for it at either place.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OnResource {
    eval_resource_name: String,
    eval_resource_decision: &'static str,
    matched_statements: Vec<Matched>,
    missing_context_values: Vec<String>,
    permissions_boundary_decision_detail: Option<BoundaryDetail>,
}

/// The statement that decided.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Matched {
    source_policy_id: String,
    source_policy_type: &'static str,
    start_position: Option<Place>,
    end_position: Option<Place>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BoundaryDetail {
    allowed_by_permissions_boundary: bool,
}

/// The policies that are asked, compiled, beside their texts.
struct Asked {
    given: Vec<Given>,
    identity: Vec<Arc<Policy>>,
    boundary: Option<Arc<Policy>>,
}

/// Which page is wanted: the listing's parts, marker and length.
pub(super) type Wanted<'a> = (&'a [&'a str], Option<&'a str>, Option<i64>);

/// Evaluates everything that is asked.
pub(super) fn simulate(
    call: &Call,
    question: &Question,
    given: Vec<Given>,
    boundary: Vec<Given>,
    (parts, marker, most): Wanted<'_>,
) -> Result<Outcome, Error> {
    question.check()?;
    let known = question.known()?;
    let asked = Asked::new(given, boundary)?;
    let mut results = Vec::new();
    for action in &question.actions {
        let resource_policy = question.resource_policy(action)?;
        for resource in question.resources() {
            results.push(one(
                question,
                &known,
                &asked,
                action,
                resource,
                resource_policy.as_ref(),
            )?);
        }
    }
    let (evaluation_results, paged) = call.slice(parts, marker, most, results)?;
    Ok(Outcome { evaluation_results, paged })
}

impl Asked {
    fn new(mut given: Vec<Given>, mut boundary: Vec<Given>) -> Result<Asked, Error> {
        if boundary.len() > 1 {
            return Err(input("There can be one permissions boundary".to_owned()));
        }
        let identity = given.iter().map(Given::policy).collect::<Result<_, _>>()?;
        let compiled = boundary.first().map(Given::policy).transpose()?;
        given.append(&mut boundary);
        Ok(Asked { given, identity, boundary: compiled })
    }

    fn matched(&self, question: &Question, deciding: &Deciding<'_>) -> Matched {
        let id = deciding.policy.name();
        let given = self.given.iter().find(|given| given.id == id);
        let text = given.map(|given| &given.text).or(question.resource_policy.as_ref());
        let places = text.and_then(|text| of_statement(text, deciding.index));
        let (start_position, end_position) = places.unzip();
        Matched {
            source_policy_id: id.to_owned(),
            source_policy_type: given.map_or("resource", |given| given.kind),
            start_position,
            end_position,
        }
    }
}

fn one(
    question: &Question,
    known: &Known,
    asked: &Asked,
    action: &str,
    resource: &str,
    resource_policy: Option<&Policy>,
) -> Result<OneResult, Error> {
    let account = question.owner(resource);
    let request = Request {
        caller: &question.caller,
        action,
        resource: Resource::Named { account: &account, arn: resource },
        context: known,
    };
    let policies = Policies {
        identity: &asked.identity,
        boundary: asked.boundary.as_deref(),
        resource: of_resource(action, resource_policy),
        ..Policies::default()
    };
    let evaluation = evaluate(&request, &policies);
    let detail = asked.boundary.as_ref().map(|boundary| {
        let alone = std::slice::from_ref(boundary);
        let alone = Policies { identity: alone, ..Policies::default() };
        let account = &question.caller.account;
        let request = Request { resource: Resource::Named { account, arn: resource }, ..request };
        let allowed = evaluate(&request, &alone).outcome == Decided::Allow;
        BoundaryDetail { allowed_by_permissions_boundary: allowed }
    });
    Ok(told(question, asked, action, resource, &evaluation, detail))
}

fn told(
    question: &Question,
    asked: &Asked,
    action: &str,
    resource: &str,
    evaluation: &Evaluation<'_>,
    detail: Option<BoundaryDetail>,
) -> OneResult {
    let decision = match evaluation.outcome {
        Decided::Allow => "allowed",
        Decided::ExplicitDeny => "explicitDeny",
        Decided::ImplicitDeny => "implicitDeny",
    };
    let matched: Vec<Matched> =
        evaluation.statement.iter().map(|one| asked.matched(question, one)).collect();
    let missing: Vec<String> =
        evaluation.missing.iter().map(|key| key.as_str().to_owned()).collect();
    OneResult {
        eval_action_name: action.to_owned(),
        eval_resource_name: resource.to_owned(),
        eval_decision: decision,
        matched_statements: matched.clone(),
        missing_context_values: missing.clone(),
        permissions_boundary_decision_detail: detail,
        resource_specific_results: vec![OnResource {
            eval_resource_name: resource.to_owned(),
            eval_resource_decision: decision,
            matched_statements: matched,
            missing_context_values: missing,
            permissions_boundary_decision_detail: detail,
        }],
    }
}
