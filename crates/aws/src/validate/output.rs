//! The strict check of our own answers, for tests. Bounds and patterns of outputs are AWS's
//! promises, which it breaks itself, so they are not looked at.

use serde_json::{Map, Value};

use super::{Path, Step, blob};
use crate::model::{Kind, Member, Model, Shape, ShapeRef};

pub(super) fn check(model: &Model, output: Option<ShapeRef>, value: &Value) -> Result<(), String> {
    match output {
        Some(output) => value_at(model, output, value, &Path::ROOT),
        None if value.as_object().is_some_and(Map::is_empty) => Ok(()),
        None => Err(format!("the operation has no output, yet there is {value}")),
    }
}

fn value_at(model: &Model, shape: ShapeRef, value: &Value, path: &Path) -> Result<(), String> {
    let shape = model.shape(shape);
    let is_whole = |wanted: &dyn Fn(i64) -> bool| value.as_i64().is_some_and(wanted);
    let fits = match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Object(object)) => {
            return structure(model, members, object, path);
        }
        (Kind::List { item, .. }, Value::Array(items)) => return list(model, *item, items, path),
        (Kind::Map { key, value }, Value::Object(object)) => {
            return map(model, (*key, *value), object, path);
        }
        (Kind::String, Value::String(text)) => return enumerated(shape, text, path),
        (Kind::Integer, _) => is_whole(&|number| i32::try_from(number).is_ok()),
        (Kind::Long, _) => is_whole(&|_| true),
        (Kind::Double | Kind::Timestamp, Value::Number(_)) | (Kind::Boolean, Value::Bool(_)) => {
            true
        }
        (Kind::Blob, Value::String(text)) => blob::decoded_length(text).is_some(),
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("{path}: {value} is not a {}", shape.name)) }
}

fn structure(
    model: &Model,
    members: &[Member],
    object: &Map<String, Value>,
    path: &Path,
) -> Result<(), String> {
    if let Some(missing) =
        members.iter().find(|member| member.required && !object.contains_key(&member.name))
    {
        return Err(format!("{}: required, yet not there", path.then(Step::Member(&missing.name))));
    }
    for (name, value) in object {
        let path = path.then(Step::Member(name));
        let found = members.binary_search_by(|member| member.name.as_str().cmp(name));
        let index = found.map_err(|_| format!("{path}: not a member that the model knows"))?;
        value_at(model, members[index].shape, value, &path)?;
    }
    Ok(())
}

fn list(model: &Model, item: ShapeRef, items: &[Value], path: &Path) -> Result<(), String> {
    let mut items = items.iter().enumerate();
    items.try_for_each(|(index, value)| value_at(model, item, value, &path.then(Step::Item(index))))
}

fn map(
    model: &Model,
    (key, item): (ShapeRef, ShapeRef),
    object: &Map<String, Value>,
    path: &Path,
) -> Result<(), String> {
    for (name, value) in object {
        let path = path.then(Step::Key(name));
        enumerated(model.shape(key), name, &path)?;
        value_at(model, item, value, &path)?;
    }
    Ok(())
}

fn enumerated(shape: &Shape, text: &str, path: &Path) -> Result<(), String> {
    if shape.values.is_empty() || shape.values.iter().any(|value| value == text) {
        return Ok(());
    }
    Err(format!("{path}: {text} is none of {}", shape.values.join(", ")))
}
