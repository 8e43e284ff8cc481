//! What the trust policy of a role may say. The sentences are others than those of identity
//! policies, and so is the order of the checks.

use super::fault::{Found, Wrong};
use super::identity::{distinct_sids, each, has_items, patterns};
use super::{
    Document, Effect, Principal, Statement, VERSION_2008, VERSION_2012, Who, conditions, issuer,
};
use crate::audience::Name;

pub(super) fn check(document: &Document) -> Result<(), Found> {
    version(document)?;
    if document.statements.is_empty() {
        return Err(Found::document(Wrong::NoStatement));
    }
    distinct_sids(document)?;
    each(document, |statement| {
        let principal = statement.principal.as_ref().ok_or(Wrong::NoPrincipal)?;
        valid(principal, statement.effect, Name::parse)?;
        action(statement)?;
        if let Some(resource) = &statement.resource {
            return Err(Wrong::Forbidden(if resource.not { "NotResource" } else { "Resource" }));
        }
        conditions::check(statement, document.knows_variables())?;
        issuer::check(statement)
    })
}

/// One of the two versions, or none.
pub(super) fn version(document: &Document) -> Result<(), Found> {
    match document.version.as_deref() {
        None | Some(VERSION_2008 | VERSION_2012) => Ok(()),
        Some(_) => Err(Found::document(Wrong::Version { older: true })),
    }
}

fn valid(
    principal: &Principal,
    effect: Effect,
    parse: fn(&str, &str) -> Option<Name>,
) -> Result<(), Wrong> {
    if principal.not {
        return Err(Wrong::NotPrincipal(effect == Effect::Allow));
    }
    match &principal.who {
        // The bare star is refused, `{"AWS": "*"}` is not.
        Who::Text(text) if text == "*" => {
            Err(Wrong::InvalidPrincipal { kind: "STAR".to_owned(), name: text.clone() })
        }
        who => names(who, parse),
    }
}

/// At least one name, and each of them valid.
pub(super) fn names(who: &Who, parse: fn(&str, &str) -> Option<Name>) -> Result<(), Wrong> {
    let invalid = |kind: &str, name: &str| {
        Err(Wrong::InvalidPrincipal { kind: kind.to_owned(), name: name.to_owned() })
    };
    let kinds = match who {
        Who::Text(text) if text == "*" => return Ok(()),
        Who::Text(text) => return invalid("AWS", text),
        Who::Kinds(kinds) => kinds,
    };
    if kinds.is_empty() || kinds.iter().any(|(_, names)| names.items.is_empty()) {
        return Err(Wrong::EmptyPrincipal);
    }
    for (kind, names) in kinds {
        for name in &names.items {
            if parse(kind, name).is_none() {
                return invalid(kind, name);
            }
        }
    }
    Ok(())
}

fn action(statement: &Statement) -> Result<(), Wrong> {
    if !has_items(statement.action.as_ref()) {
        return Err(Wrong::NoAction);
    }
    let not = statement.action.as_ref().is_some_and(|patterns| patterns.not);
    let of_sts = |text: &str| {
        text.split_once(':').is_some_and(|(service, name)| {
            service.eq_ignore_ascii_case("sts") && !name.contains(':')
        })
    };
    match patterns(statement.action.as_ref()).find(|text| not || !of_sts(text)) {
        Some(text) => Err(Wrong::Action(text.to_owned())),
        None => Ok(()),
    }
}
