//! Principals of policies as ids. A user or role that is named in a trust policy or in the policy of
//! a repository is meant by its id, so that one who is made anew under the old name inherits
//! nothing. What is shown is the ARN that the id has now; the bare id once nobody has it.
//!
//! Source: "AWS JSON policy elements: Principal", User Guide.

use std::collections::BTreeMap;
use std::convert::Infallible;

use wharf_db::{Tx, statement, tx};
use wharf_policy::{AccountId, Document, Fault, Grammar};

use crate::entity::{self, Kind};
use crate::{Error, Identity};

statement! {
    ACCOUNT = "SELECT id FROM accounts WHERE id = $1";
}

/// The ARNs of users and roles in a document, each with its id.
pub(crate) type Ids = BTreeMap<String, String>;

impl Identity {
    /// Puts ids in the place of the users and roles that the document names.
    ///
    /// # Errors
    /// [`Error::MalformedPolicyDocument`] if one of them is not there. Those of accounts that this
    /// deployment does not know stay as they are.
    pub async fn principals_to_ids(
        &self,
        document: &mut Document,
        grammar: Grammar,
    ) -> Result<(), Error> {
        let names = names(document);
        let ids = tx!(self.db, |tx| ids_of(tx, &names, grammar).await)?;
        rename(document, &ids);
        Ok(())
    }

    /// Puts the present ARNs in the place of the ids of users and roles.
    pub async fn principals_to_arns(&self, document: &mut Document) -> Result<(), Error> {
        let names = names(document);
        let ids: Vec<&str> = names.iter().map(String::as_str).filter(|name| is_id(name)).collect();
        let entities = self.entities_by_ids(&ids).await?;
        let arns = entities.into_iter().map(|entity| (entity.id.clone(), entity.arn())).collect();
        rename(document, &arns);
        Ok(())
    }

    /// A document as it is to be shown: byte for byte as it was given, as long as everybody in it is
    /// still called so.
    pub(crate) async fn shown(
        &self,
        text: String,
        ids: &Ids,
        grammar: Grammar,
    ) -> Result<String, Error> {
        let wanted: Vec<&str> = ids.values().map(String::as_str).collect();
        let entities = self.entities_by_ids(&wanted).await?;
        let present: BTreeMap<&str, String> =
            entities.iter().map(|entity| (entity.id.as_str(), entity.arn())).collect();
        let changed: Ids = ids
            .iter()
            .map(|(given, id)| (given.clone(), present.get(id.as_str()).unwrap_or(id).clone()))
            .filter(|(given, now)| given != now)
            .collect();
        if changed.is_empty() {
            return Ok(text);
        }
        let mut document = Document::parse(&text, grammar).map_err(damaged)?;
        rename(&mut document, &changed);
        Ok(document.to_compact())
    }
}

/// The users and roles in `document` with their ids; refuses those that are not there.
pub(crate) async fn ids(tx: &mut Tx, document: &Document, grammar: Grammar) -> Result<Ids, Error> {
    ids_of(tx, &names(&mut document.clone()), grammar).await
}

async fn ids_of(tx: &mut Tx, names: &[String], grammar: Grammar) -> Result<Ids, Error> {
    let mut ids = Ids::new();
    for name in names {
        let unknown =
            || Err(Error::MalformedPolicyDocument(Fault::unknown_principal(grammar, "AWS", name)));
        if is_id(name) {
            if entity::find_by_id(tx, name).await?.is_none() {
                return unknown();
            }
            continue;
        }
        let Some((account, kind @ (Kind::User | Kind::Role), _, short)) = entity::parse_arn(name)
        else {
            continue;
        };
        match entity::find_any(tx, &account, kind, short).await? {
            // Here the case of the letters counts, and so does the path.
            Some(found) if found.arn() == *name => {
                ids.insert(name.clone(), found.id);
            }
            _ if is_here(tx, &account).await? => return unknown(),
            _ => {}
        }
    }
    Ok(ids)
}

async fn is_here(tx: &mut Tx, account: &AccountId) -> Result<bool, Error> {
    Ok(tx.optional::<(String,)>(&ACCOUNT, (account.as_str(),)).await?.is_some())
}

/// The document with ids in the place of names.
pub(crate) fn rename(document: &mut Document, names: &Ids) {
    let renamed = document.rename_principals(|kind, name| {
        Ok::<_, Infallible>(names.get(name).filter(|_| kind == "AWS").cloned())
    });
    match renamed {
        Ok(()) => {}
    }
}

/// All names of the kind `AWS`.
fn names(document: &mut Document) -> Vec<String> {
    let mut names = Vec::new();
    let looked = document.rename_principals(|kind, name| {
        if kind == "AWS" {
            names.push(name.to_owned());
        }
        Ok::<_, Infallible>(None)
    });
    match looked {
        Ok(()) => names,
    }
}

/// `AIDA…` of a user, `AROA…` of a role.
fn is_id(name: &str) -> bool {
    name.starts_with("AIDA") || name.starts_with("AROA")
}

/// A stored document that cannot be read any more.
pub(crate) fn damaged(fault: Fault) -> Error {
    Error::Damaged(format!("a policy: {}", fault.detail()))
}
