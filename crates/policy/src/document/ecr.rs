//! What the policies of repositories and registries may say. ECR answers every fault with the same
//! sentence; which it was is for logs and consoles.

use super::fault::{Found, Wrong};
use super::identity::{each, has_items, patterns, resource};
use super::trust::{names, version};
use super::{Document, Effect, Scope, Statement, conditions};
use crate::audience::Name;

/// `registry` is the scope of a registry's policy, and none for that of a repository.
pub(super) fn check(document: &Document, registry: Option<Scope>) -> Result<(), Found> {
    version(document)?;
    if document.statements.is_empty() {
        return Err(Found::document(Wrong::NoStatement));
    }
    each(document, |statement| {
        principal(statement)?;
        action(statement, registry)?;
        conditions::check(statement, document.knows_variables())?;
        if registry.is_some() || statement.resource.is_some() {
            has_items(statement.resource.as_ref()).then_some(()).ok_or(Wrong::NoResource)?;
        }
        patterns(statement.resource.as_ref()).try_for_each(resource)
    })
}

fn principal(statement: &Statement) -> Result<(), Wrong> {
    let principal = statement.principal.as_ref().ok_or(Wrong::NoPrincipal)?;
    if principal.not && statement.effect == Effect::Allow {
        return Err(Wrong::NotPrincipal(true));
    }
    names(&principal.who, |kind, name| {
        // Nobody reaches a repository with a token of another issuer.
        Name::parse(kind, name).filter(|_| kind != "Federated")
    })
}

fn action(statement: &Statement, registry: Option<Scope>) -> Result<(), Wrong> {
    if !has_items(statement.action.as_ref()) {
        return Err(Wrong::NoAction);
    }
    let of_ecr = |text: &str| {
        text == "*"
            || text.split_once(':').is_some_and(|(service, name)| {
                service.eq_ignore_ascii_case("ecr") && !name.is_empty() && !name.contains(':')
            })
    };
    let known = |text: &str| match registry {
        Some(Scope::V1) => Scope::V1.covers(text),
        Some(Scope::V2) | None => of_ecr(text),
    };
    match patterns(statement.action.as_ref()).find(|text| !known(text)) {
        Some(text) => Err(Wrong::Action(text.to_owned())),
        None => Ok(()),
    }
}
