//! From text to [`Document`]: the structure and nothing more, so that stored documents can be read
//! whatever the grammar of today says.

use super::fault::{Found, Wrong};
use super::{Document, Effect, Patterns, Principal, Scalar, Statement, Test, Texts, Values, Who};
use crate::json::{self, Json};

/// Reads a text of at most `most` characters.
pub(super) fn read(text: &str, most: usize) -> Result<Document, Found> {
    if text.len() > most && text.chars().count() > most {
        return Err(Found::document(Wrong::TooLong { most }));
    }
    let json = json::read(text).map_err(|error| Found::document(Wrong::Json(error.to_string())))?;
    let Json::Object(members) = json else {
        return Err(Found::document(Wrong::NoObject));
    };
    let mut document = Document { version: None, id: None, statements: Vec::new(), alone: false };
    for (name, value) in members {
        match name.as_str() {
            "Version" => document.version = Some(text_of(value, "Version")?),
            "Id" => document.id = Some(text_of(value, "Id")?),
            "Statement" => (document.statements, document.alone) = statements(value)?,
            _ => return Err(Found::document(Wrong::Unknown(name))),
        }
    }
    Ok(document)
}

fn statements(value: Json) -> Result<(Vec<Statement>, bool), Found> {
    let (items, alone) = match value {
        Json::Array(items) => (items, false),
        one => (vec![one], true),
    };
    let statements = items.into_iter().enumerate().map(|(index, item)| {
        statement(item).map_err(|wrong| Found { statement: Some(index), wrong })
    });
    Ok((statements.collect::<Result<_, _>>()?, alone))
}

fn statement(value: Json) -> Result<Statement, Wrong> {
    let Json::Object(members) = value else {
        return Err(Wrong::Type("Statement"));
    };
    let mut effect = None;
    let mut statement = Statement {
        sid: None,
        effect: Effect::Deny,
        principal: None,
        action: None,
        resource: None,
        condition: None,
    };
    for (name, value) in members {
        match name.as_str() {
            "Sid" => statement.sid = Some(string(value, "Sid")?),
            "Effect" => effect = Some(string(value, "Effect")?),
            "Principal" => once(&mut statement.principal, principal(value, false)?, "Principal")?,
            "NotPrincipal" => once(&mut statement.principal, principal(value, true)?, "Principal")?,
            "Action" => once(&mut statement.action, patterns(value, false, "Action")?, "Action")?,
            "NotAction" => {
                once(&mut statement.action, patterns(value, true, "NotAction")?, "Action")?
            }
            "Resource" => {
                once(&mut statement.resource, patterns(value, false, "Resource")?, "Resource")?;
            }
            "NotResource" => {
                once(&mut statement.resource, patterns(value, true, "NotResource")?, "Resource")?;
            }
            "Condition" => statement.condition = Some(condition(value)?),
            _ => return Err(Wrong::Unknown(name)),
        }
    }
    statement.effect = match effect.as_deref() {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some(other) => return Err(Wrong::Effect(other.to_owned())),
        None => return Err(Wrong::NoEffect),
    };
    Ok(statement)
}

/// Fills `place`, where an element and the same with `Not` exclude each other.
fn once<T>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), Wrong> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Wrong::Both(name)),
    }
}

fn principal(value: Json, not: bool) -> Result<Principal, Wrong> {
    let who = match value {
        Json::String(text) => Who::Text(text),
        Json::Object(kinds) => {
            let kinds =
                kinds.into_iter().map(|(kind, names)| Ok((kind, texts(names, "Principal")?)));
            Who::Kinds(kinds.collect::<Result<_, _>>()?)
        }
        _ => return Err(Wrong::Type("Principal")),
    };
    Ok(Principal { not, who })
}

fn patterns(value: Json, not: bool, name: &'static str) -> Result<Patterns, Wrong> {
    Ok(Patterns { not, texts: texts(value, name)? })
}

fn texts(value: Json, name: &'static str) -> Result<Texts, Wrong> {
    match value {
        Json::Array(items) => {
            let items = items.into_iter().map(|item| string(item, name));
            Ok(Texts { items: items.collect::<Result<_, _>>()?, alone: false })
        }
        one => Ok(Texts { items: vec![string(one, name)?], alone: true }),
    }
}

fn condition(value: Json) -> Result<Vec<Test>, Wrong> {
    let tests = members(value)?.into_iter().map(|(operator, keys)| {
        let keys = members(keys)?.into_iter().map(|(key, value)| Ok((key, values(value)?)));
        Ok(Test { operator, keys: keys.collect::<Result<_, Wrong>>()? })
    });
    tests.collect()
}

fn members(value: Json) -> Result<Vec<(String, Json)>, Wrong> {
    match value {
        Json::Object(members) => Ok(members),
        _ => Err(Wrong::Type("Condition")),
    }
}

fn values(value: Json) -> Result<Values, Wrong> {
    match value {
        Json::Array(items) => {
            let items = items.into_iter().map(scalar);
            Ok(Values { items: items.collect::<Result<_, _>>()?, alone: false })
        }
        one => Ok(Values { items: vec![scalar(one)?], alone: true }),
    }
}

fn scalar(value: Json) -> Result<Scalar, Wrong> {
    match value {
        Json::String(text) => Ok(Scalar::Text(text)),
        Json::Number(number) => Ok(Scalar::Bare(number.to_string())),
        Json::Bool(truth) => Ok(Scalar::Bare(truth.to_string())),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(Wrong::Type("Condition")),
    }
}

fn string(value: Json, name: &'static str) -> Result<String, Wrong> {
    match value {
        Json::String(text) => Ok(text),
        _ => Err(Wrong::Type(name)),
    }
}

fn text_of(value: Json, name: &'static str) -> Result<String, Found> {
    string(value, name).map_err(Found::document)
}
