//! What identity policies may say: managed and inline ones, boundaries, session policies. The checks
//! come in the order in which IAM makes them.

use super::fault::{Found, IAM_PATHS, Wrong};
use super::{Document, Patterns, Statement, VERSION_2012, conditions};
use crate::PARTITION;
use crate::action_pattern::is_service;

pub(super) fn check(document: &Document) -> Result<(), Found> {
    if document.statements.is_empty() {
        return Err(Found::document(Wrong::NoStatement));
    }
    each(document, |statement| {
        let mut faults = conditions::faults(statement, document.knows_variables());
        faults.find(|wrong| !wrong.is_of_date()).map_or(Ok(()), Err)
    })?;
    if document.version.as_deref() != Some(VERSION_2012) {
        return Err(Found::document(Wrong::Version { older: false }));
    }
    each(document, |statement| conditions::check(statement, true))?;
    each(document, |statement| patterns(statement.resource.as_ref()).try_for_each(long_enough))?;
    each(document, sid)?;
    distinct_sids(document)?;
    each(document, |statement| {
        has_items(statement.action.as_ref()).then_some(()).ok_or(Wrong::NoAction)
    })?;
    each(document, |statement| {
        has_items(statement.resource.as_ref()).then_some(()).ok_or(Wrong::NoResource)
    })?;
    each(document, |statement| patterns(statement.resource.as_ref()).try_for_each(resource))?;
    each(document, |statement| patterns(statement.action.as_ref()).try_for_each(action))?;
    each(document, |statement| match statement.principal {
        Some(_) => Err(Wrong::Principal),
        None => Ok(()),
    })
}

/// Makes a check of each statement.
pub(super) fn each(
    document: &Document,
    check: impl Fn(&Statement) -> Result<(), Wrong>,
) -> Result<(), Found> {
    document.statements.iter().enumerate().try_for_each(|(index, statement)| {
        check(statement).map_err(|wrong| Found { statement: Some(index), wrong })
    })
}

/// The texts of an element.
pub(super) fn patterns(element: Option<&Patterns>) -> impl Iterator<Item = &str> {
    element.into_iter().flat_map(|patterns| patterns.texts.items.iter().map(String::as_str))
}

/// Whether the element is there and is not an empty list.
pub(super) fn has_items(element: Option<&Patterns>) -> bool {
    patterns(element).next().is_some()
}

/// No Sid twice. An empty one is none: Terraform gives it to every statement.
pub(super) fn distinct_sids(document: &Document) -> Result<(), Found> {
    let mut seen = std::collections::HashSet::new();
    each_sid(document).try_for_each(|(index, sid)| match seen.insert(sid) {
        true => Ok(()),
        false => Err(Found { statement: Some(index), wrong: Wrong::SidTwice(sid.to_owned()) }),
    })
}

fn each_sid(document: &Document) -> impl Iterator<Item = (usize, &str)> {
    let statements = document.statements.iter().enumerate();
    let sids = statements.filter_map(|(index, statement)| Some((index, statement.sid.as_deref()?)));
    sids.filter(|(_, sid)| !sid.is_empty())
}

fn sid(statement: &Statement) -> Result<(), Wrong> {
    match &statement.sid {
        Some(sid) if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Err(Wrong::Sid(sid.clone()))
        }
        _ => Ok(()),
    }
}

/// `service:Name` or `*`.
pub(super) fn action(text: &str) -> Result<(), Wrong> {
    if text == "*" {
        return Ok(());
    }
    match text.split_once(':') {
        None | Some(("", _)) => Err(Wrong::NoVendor(text.to_owned())),
        Some((_, name)) if name.contains(':') => Err(Wrong::Colons(text.to_owned())),
        Some((vendor, _)) if !is_service(vendor) => {
            Err(Wrong::Vendor { vendor: vendor.to_owned(), action: text.to_owned() })
        }
        Some(_) => Ok(()),
    }
}

/// What begins as an ARN has all its parts: IAM finds this out earlier than the rest.
fn long_enough(text: &str) -> Result<(), Wrong> {
    match text.starts_with("arn:") && text.split(':').count() < 6 {
        true => Err(Wrong::ShortArn(text.to_owned())),
        false => Ok(()),
    }
}

/// An ARN of our partition, or `*`.
pub(super) fn resource(text: &str) -> Result<(), Wrong> {
    if text == "*" {
        return Ok(());
    }
    let mut parts = text.splitn(6, ':');
    let parts = [(); 6].map(|()| parts.next());
    let [Some("arn"), Some(partition), Some(service), Some(region), Some(_), Some(rest)] = parts
    else {
        return Err(Wrong::Resource(text.to_owned()));
    };
    if partition != PARTITION && partition != "*" {
        let (partition, arn) = (partition.to_owned(), text.to_owned());
        return Err(Wrong::Partition { partition, arn });
    }
    if service != "iam" {
        return Ok(());
    }
    if !region.is_empty() && region != "*" {
        return Err(Wrong::IamRegion(text.to_owned()));
    }
    if ["*", "root"].contains(&rest) || IAM_PATHS.iter().any(|path| rest.starts_with(path)) {
        return Ok(());
    }
    Err(Wrong::IamPath(text.to_owned()))
}
