//! Principals of policies by the ids that are never used twice: so a user or role that is made anew
//! under an old name inherits nothing.

use wharf_identity::Identity;
use wharf_policy::{Document, Fault, Grammar};
use wharf_registry::Error;

use super::shape::refused;

/// The document with ids in the place of users and roles; refused if one of them is not there.
pub(super) async fn identified(
    mut document: Document,
    grammar: Grammar,
    _: &Identity,
) -> Result<Document, Error> {
    let of_nobody = |kind: &str, name: &str| match kind == "AWS" && is_user_or_role(name) {
        true => Err(Fault::unknown_principal(grammar, kind, name)),
        false => Ok(None),
    };
    document.rename_principals(of_nobody).map_err(refused)?;
    Ok(document)
}

/// The document with the present ARNs of users and roles; an id that is nobody's any more stays.
pub(super) async fn named(document: Document, _: &Identity) -> Result<Document, Error> {
    Ok(document)
}

fn is_user_or_role(name: &str) -> bool {
    let of_iam = name.contains(":user/") || name.contains(":role/");
    of_iam || name.starts_with("AIDA") || name.starts_with("AROA")
}
