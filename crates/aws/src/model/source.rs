//! Reads `model/*.json` into [`Model`]: names become indices and every reference is resolved here,
//! so that a model with a dangling name or an unknown type cannot be made.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Exception, Kind, Member, Metadata, Model, Operation, Pattern, Shape, ShapeRef};

/// Why a model file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("not the JSON of a model: {0}")]
    Json(#[from] serde_json::Error),
    #[error("shape {0} is named but not there")]
    Dangling(String),
    #[error("shape {name}: {what}")]
    Shape { name: String, what: String },
}

#[derive(Deserialize)]
struct File {
    botocore: String,
    metadata: Metadata,
    operations: BTreeMap<String, OperationFacts>,
    shapes: BTreeMap<String, ShapeFacts>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationFacts {
    input: Option<String>,
    output: Option<String>,
    #[serde(default)]
    errors: Vec<String>,
    authtype: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ShapeFacts {
    r#type: String,
    #[serde(default)]
    members: BTreeMap<String, String>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    union: bool,
    member: Option<String>,
    #[serde(default)]
    flattened: bool,
    key: Option<String>,
    value: Option<String>,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    #[serde(default)]
    r#enum: Vec<String>,
    #[serde(default)]
    exception: bool,
    #[serde(default)]
    fault: bool,
    error: Option<ErrorFacts>,
    #[serde(default)]
    sensitive: bool,
    #[serde(default, rename = "box")]
    _box: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ErrorFacts {
    code: Option<String>,
    http_status_code: Option<u16>,
}

type Names = BTreeMap<String, ShapeRef>;

impl Model {
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        let file: File = serde_json::from_str(text)?;
        let names: Names = file.shapes.keys().cloned().zip((0..).map(ShapeRef)).collect();
        let shapes = file.shapes.into_iter().map(|(name, facts)| shape(name, facts, &names));
        let operations = file.operations.into_iter().map(|(name, facts)| {
            let operation = operation(name.clone(), facts, &names)?;
            Ok((name, operation))
        });
        Ok(Self {
            botocore: file.botocore,
            metadata: file.metadata,
            operations: operations.collect::<Result<_, Unreadable>>()?,
            shapes: shapes.collect::<Result<_, _>>()?,
            names,
        })
    }
}

fn operation(name: String, facts: OperationFacts, names: &Names) -> Result<Operation, Unreadable> {
    for error in &facts.errors {
        resolve(error, names)?;
    }
    Ok(Operation {
        name,
        input: facts.input.map(|shape| resolve(&shape, names)).transpose()?,
        output: facts.output.map(|shape| resolve(&shape, names)).transpose()?,
        errors: facts.errors,
        unsigned: facts.authtype.as_deref() == Some("none"),
    })
}

fn shape(name: String, facts: ShapeFacts, names: &Names) -> Result<Shape, Unreadable> {
    let pattern = facts.pattern.as_deref().map(Pattern::new).transpose();
    let pattern = pattern
        .map_err(|error| Unreadable::Shape { name: name.clone(), what: error.to_string() })?;
    Ok(Shape {
        kind: kind(&name, &facts, names)?,
        name,
        min: facts.min,
        max: facts.max,
        values: facts.r#enum,
        sensitive: facts.sensitive,
        pattern,
    })
}

fn kind(name: &str, facts: &ShapeFacts, names: &Names) -> Result<Kind, Unreadable> {
    let part = |part: &Option<String>| match part {
        Some(shape) => resolve(shape, names),
        None => Err(Unreadable::Shape {
            name: name.to_owned(),
            what: "no shape of its parts".to_owned(),
        }),
    };
    Ok(match facts.r#type.as_str() {
        "structure" => structure(name, facts, names)?,
        "list" => Kind::List { item: part(&facts.member)?, flattened: facts.flattened },
        "map" => Kind::Map { key: part(&facts.key)?, value: part(&facts.value)? },
        "string" => Kind::String,
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "double" => Kind::Double,
        "boolean" => Kind::Boolean,
        "timestamp" => Kind::Timestamp,
        "blob" => Kind::Blob,
        other => {
            return Err(Unreadable::Shape {
                name: name.to_owned(),
                what: format!("unknown type {other}"),
            });
        }
    })
}

fn structure(name: &str, facts: &ShapeFacts, names: &Names) -> Result<Kind, Unreadable> {
    if let Some(stray) =
        facts.required.iter().find(|required| !facts.members.contains_key(*required))
    {
        let what = format!("required member {stray} is not there");
        return Err(Unreadable::Shape { name: name.to_owned(), what });
    }
    let members = facts.members.iter().map(|(member, shape)| {
        Ok(Member {
            name: member.clone(),
            shape: resolve(shape, names)?,
            required: facts.required.contains(member),
        })
    });
    Ok(Kind::Structure {
        members: members.collect::<Result<_, Unreadable>>()?,
        union: facts.union,
        exception: facts.exception.then(|| exception(name, facts)),
    })
}

fn exception(name: &str, facts: &ShapeFacts) -> Exception {
    let unmodelled = if facts.fault { 500 } else { 400 };
    let error = facts.error.as_ref();
    Exception {
        code: error.and_then(|error| error.code.clone()).unwrap_or_else(|| name.to_owned()),
        status: error.and_then(|error| error.http_status_code).unwrap_or(unmodelled),
    }
}

fn resolve(name: &str, names: &Names) -> Result<ShapeRef, Unreadable> {
    names.get(name).copied().ok_or_else(|| Unreadable::Dangling(name.to_owned()))
}
