//! The guard against roles that trust everybody: an issuer of OpenID Connect tokens that serves
//! the public must be narrowed to one tenant.
//!
//! Source: the IAM User Guide, "Identity-provider controls for shared OIDC providers".

use super::fault::Wrong;
use super::{Effect, Statement, Test, Texts, Who};
use crate::Key;

/// The issuers that AWS knows to be shared, and the claim that names the tenant.
const SHARED: &[(&str, &str)] = &[
    ("token.actions.githubusercontent.com", "sub"),
    ("gitlab.com", "sub"),
    ("agent.buildkite.com", "sub"),
    ("app.terraform.io", "sub"),
    ("oidc.codefresh.io", "sub"),
    ("scalr.io", "sub"),
    ("tokens.cloud.shisho.dev", "sub"),
    ("proidc.upbound.io", "sub"),
    ("studio.datachain.ai/api", "sub"),
    ("oidc-configuration.audit-log.githubusercontent.com", "sub"),
    ("api.pulumi.com/oidc", "aud"),
    ("sandboxes.cloud", "aud"),
    ("oidc.vercel.com", "aud"),
];

/// A statement that allows tokens of a shared issuer has a positive condition on its tenant claim.
pub(super) fn check(statement: &Statement) -> Result<(), Wrong> {
    if statement.effect == Effect::Deny {
        return Ok(());
    }
    for name in federated(statement) {
        for (issuer, claim) in SHARED {
            if is_of(name, issuer) && !is_narrowed(statement, &format!("{issuer}:{claim}")) {
                return Err(Wrong::SharedIssuer { issuer, claim });
            }
        }
    }
    Ok(())
}

/// The providers that the statement names.
fn federated(statement: &Statement) -> impl Iterator<Item = &str> {
    let kinds = match statement.principal.as_ref().map(|principal| &principal.who) {
        Some(Who::Kinds(kinds)) => kinds.as_slice(),
        _ => &[],
    };
    let of_kind =
        |(kind, names): &'_ (String, Texts)| (kind == "Federated").then_some(names.items.len());
    kinds
        .iter()
        .filter(move |kind| of_kind(kind).is_some())
        .flat_map(|(_, names)| names.items.iter().map(String::as_str))
}

/// Whether the provider's ARN is of this issuer, or of a tenant of it with a path of its own.
fn is_of(arn: &str, issuer: &str) -> bool {
    arn.split_once(":oidc-provider/").is_some_and(|(_, url)| url.trim_end_matches('/') == issuer)
}

/// Whether a positive string condition compares the claim with values that are not all wildcard.
fn is_narrowed(statement: &Statement, claim: &str) -> bool {
    let claim = Key::new(claim);
    let positive = |test: &Test| {
        let operator = test.operator.as_str();
        let operator = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
        ["StringEquals", "StringEqualsIgnoreCase", "StringLike"].contains(&operator)
    };
    let tests = statement.condition.iter().flatten().filter(|test| positive(test));
    let mut keys = tests.flat_map(|test| &test.keys);
    keys.any(|(key, values)| {
        let says_something = |text: &str| text.contains(|char| !matches!(char, '*' | '?'));
        Key::new(key) == claim
            && values.items.iter().all(|value| says_something(value.as_str()))
            && !values.items.is_empty()
    })
}
