//! Session policies: what narrows a session below what its role or user may. They are checked when
//! the session begins and carried by it.
//!
//! Source: "Session policies", IAM User Guide.

use wharf_identity::{Identity, Terms};
use wharf_policy::{Document, Grammar};

use super::shape::PolicyDescriptor;
use crate::query::Error;

/// The most characters of all session policies: the text of the inline one, the ARNs of the others.
const MOST_CHARACTERS: usize = 2048;
/// The most managed policies.
const MOST_POLICIES: usize = 10;

/// Puts session policies into the terms, once they are good. Tags are in them already: both share
/// the room that a token has.
///
/// # Errors
/// A document that is none, a managed policy that the account of the session does not have, and too
/// much of it.
pub(super) async fn narrow(
    identity: &Identity,
    terms: &mut Terms,
    policy: Option<String>,
    descriptors: Vec<PolicyDescriptor>,
) -> Result<(), Error> {
    let arns = arns(descriptors)?;
    check_lengths(policy.as_deref(), &arns)?;
    if let Some(text) = &policy {
        Document::accept(text, Grammar::Identity).map_err(|fault| malformed(fault.to_string()))?;
    }
    for arn in &arns {
        if identity.managed_policy(&terms.account, arn).await?.is_none() {
            return Err(malformed(format!("Policy {arn} does not exist or is not attachable.")));
        }
    }
    (terms.policy, terms.policy_arns) = (policy, arns);
    match terms.packed_size() {
        Some(percent) if percent > 100 => Err(too_large(percent)),
        _ => Ok(()),
    }
}

/// One without an ARN may be a slip of the pen, and must not leave the session wider than meant.
fn arns(descriptors: Vec<PolicyDescriptor>) -> Result<Vec<String>, Error> {
    let arn = |(index, one): (usize, PolicyDescriptor)| {
        one.arn.ok_or_else(|| {
            Error::Validation(format!(
                "1 validation error detected: Value null at 'policyArns.{}.member.arn' failed to satisfy constraint: Member must not be null",
                index + 1
            ))
        })
    };
    descriptors.into_iter().enumerate().map(arn).collect()
}

fn check_lengths(policy: Option<&str>, arns: &[String]) -> Result<(), Error> {
    let inline = policy.map_or(0, |text| text.chars().count());
    if inline > MOST_CHARACTERS {
        return Err(Error::Validation(format!(
            "1 validation error detected: Value '{}' at 'policy' failed to satisfy constraint: Member must have length less than or equal to {MOST_CHARACTERS}",
            policy.unwrap_or_default()
        )));
    }
    if arns.len() > MOST_POLICIES {
        return Err(Error::Validation(format!(
            "1 validation error detected: Value '{arns:?}' at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to {MOST_POLICIES}"
        )));
    }
    let all = inline + arns.iter().map(|arn| arn.chars().count()).sum::<usize>();
    match all > MOST_CHARACTERS {
        true => Err(too_large((all * 100).div_ceil(MOST_CHARACTERS))),
        false => Ok(()),
    }
}

fn malformed(message: String) -> Error {
    Error::Declared { code: "MalformedPolicyDocument", status: 400, message }
}

fn too_large(percent: usize) -> Error {
    let message =
        format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
    Error::Declared { code: "PackedPolicyTooLarge", status: 400, message }
}
