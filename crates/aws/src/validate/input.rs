//! The check of a request's input, and the wording of its refusals.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{Fault, Path, Step, blob};
use crate::model::{Kind, Member, Model, Shape, ShapeRef};

/// AWS spells these parameters of ECR with a capital in its refusals, whatever the model says.
const CAPITALISED: [(&str, &str); 4] = [
    ("imageManifest", "ImageManifest"),
    ("lifecyclePolicyText", "LifecyclePolicyText"),
    ("nextToken", "NextToken"),
    ("policyText", "PolicyText"),
];

const NOT_NULL: &str = "Member must not be null";

pub(super) fn check(model: &Model, input: Option<ShapeRef>, value: &Value) -> Result<(), Fault> {
    unmet(model, input, value, 1)?.pop().map_or(Ok(()), Err)
}

/// The first `most` constraints that are not met.
pub(super) fn unmet(
    model: &Model,
    input: Option<ShapeRef>,
    value: &Value,
    most: usize,
) -> Result<Vec<Fault>, Fault> {
    let Some(input) = input else { return Ok(Vec::new()) };
    let mut walk = Walk { model, refused: Vec::new(), most };
    walk.value(input, value, &Path::ROOT).map_err(Fault::Serialization)?;
    Ok(walk.refused)
}

/// Goes through all of a value: a wrong type ends it (the error), of unmet constraints the first
/// `most` are kept.
struct Walk<'m> {
    model: &'m Model,
    refused: Vec<Fault>,
    most: usize,
}

type Typed = Result<(), String>;

impl Walk<'_> {
    fn value(&mut self, shape: ShapeRef, value: &Value, path: &Path) -> Typed {
        let shape = self.model.shape(shape);
        match &shape.kind {
            Kind::Structure { members, .. } => self.structure(members, object(value)?, path),
            Kind::List { item, .. } => self.list(shape, *item, value, path),
            Kind::Map { key, value: item } => self.map(shape, (*key, *item), object(value)?, path),
            Kind::String => self.string(shape, value, path),
            Kind::Integer => {
                self.whole_number(shape, value, i64::from(i32::MIN)..=i64::from(i32::MAX), path)
            }
            Kind::Long => self.whole_number(shape, value, i64::MIN..=i64::MAX, path),
            Kind::Double if value.is_number() => Ok(()),
            Kind::Boolean if value.is_boolean() => Ok(()),
            Kind::Double => Err(not_convertible(value, "a Double")),
            Kind::Boolean => Err(not_convertible(value, "a Boolean")),
            Kind::Timestamp => timestamp(value),
            Kind::Blob => self.blob(shape, value, path),
        }
    }

    fn structure(&mut self, members: &[Member], object: &Map<String, Value>, path: &Path) -> Typed {
        for member in members {
            let path = path.then(Step::Member(&member.name));
            match object.get(&member.name) {
                None | Some(Value::Null) if member.required => {
                    self.refuse(&path, || NOT_NULL.to_owned())
                }
                None | Some(Value::Null) => {}
                Some(value) => self.value(member.shape, value, &path)?,
            }
        }
        Ok(())
    }

    fn list(&mut self, shape: &Shape, item: ShapeRef, value: &Value, path: &Path) -> Typed {
        let items = value.as_array().ok_or("Expected list or null")?;
        self.length(shape, || items.len(), path);
        for (index, value) in items.iter().enumerate() {
            self.present(item, value, &path.then(Step::Item(index)))?;
        }
        Ok(())
    }

    fn map(
        &mut self,
        shape: &Shape,
        (key, item): (ShapeRef, ShapeRef),
        object: &Map<String, Value>,
        path: &Path,
    ) -> Typed {
        self.length(shape, || object.len(), path);
        for (name, value) in object {
            let path = path.then(Step::Key(name));
            self.text(self.model.shape(key), name, &path);
            self.present(item, value, &path)?;
        }
        Ok(())
    }

    /// A value inside a list or map, where null is not the same as absent.
    fn present(&mut self, shape: ShapeRef, value: &Value, path: &Path) -> Typed {
        if value.is_null() {
            self.refuse(path, || NOT_NULL.to_owned());
            return Ok(());
        }
        self.value(shape, value, path)
    }

    fn string(&mut self, shape: &Shape, value: &Value, path: &Path) -> Typed {
        let text = value.as_str().ok_or_else(|| not_convertible(value, "a String"))?;
        self.text(shape, text, path);
        Ok(())
    }

    fn text(&mut self, shape: &Shape, text: &str, path: &Path) {
        let before = self.refused.len();
        self.length(shape, || characters(shape, text), path);
        // Of a text of the wrong length nothing more is told. Once enough is refused, only wrong
        // types are still looked for.
        if let Some(pattern) = &shape.pattern
            && self.refused.len() == before
            && before < self.most
            && !pattern.matches(text)
        {
            self.refuse(path, || unmatched(&shape.name, &pattern.source));
        }
        if !shape.values.is_empty() && !shape.values.iter().any(|value| value == text) {
            let wanted =
                || format!("Member must satisfy enum value set: [{}]", shape.values.join(", "));
            self.refuse(path, wanted);
        }
    }

    fn whole_number(
        &mut self,
        shape: &Shape,
        value: &Value,
        range: RangeInclusive<i64>,
        path: &Path,
    ) -> Typed {
        let name = if matches!(shape.kind, Kind::Long) { "a Long" } else { "an Integer" };
        let number = value.as_i64().filter(|number| range.contains(number));
        let number = number.ok_or_else(|| not_convertible(value, name))?;
        self.bounds(shape, number, "value", path);
        Ok(())
    }

    fn blob(&mut self, shape: &Shape, value: &Value, path: &Path) -> Typed {
        let text = value.as_str().ok_or_else(|| not_convertible(value, "a Blob"))?;
        let length = blob::decoded_length(text).ok_or("The value of a Blob is not valid base64")?;
        self.length(shape, || length, path);
        Ok(())
    }

    /// `measure` runs only when the shape has a bound.
    fn length(&mut self, shape: &Shape, measure: impl FnOnce() -> usize, path: &Path) {
        if shape.min.is_some() || shape.max.is_some() {
            self.bounds(shape, i64::try_from(measure()).unwrap_or(i64::MAX), "length", path);
        }
    }

    fn bounds(&mut self, shape: &Shape, size: i64, what: &str, path: &Path) {
        if let Some(max) = shape.max.filter(|max| size > *max) {
            self.refuse(path, || format!("Member must have {what} less than or equal to {max}"));
        }
        if let Some(min) = shape.min.filter(|min| size < *min) {
            self.refuse(path, || format!("Member must have {what} greater than or equal to {min}"));
        }
    }

    fn refuse(&mut self, path: &Path, reason: impl FnOnce() -> String) {
        if self.refused.len() < self.most {
            self.refused.push(Fault::Parameter { path: spelled(path), reason: reason() });
        }
    }
}

/// Number of characters. A text whose bytes settle both bounds is not counted: a manifest has 4
/// MiB.
fn characters(shape: &Shape, text: &str) -> usize {
    let bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let surely_long_enough = bytes / 4 >= shape.min.unwrap_or(0);
    let surely_short_enough = shape.max.is_none_or(|max| bytes <= max);
    if surely_long_enough && surely_short_enough { text.len() } else { text.chars().count() }
}

/// ECR words the pattern of repository names in its own way.
fn unmatched(shape: &str, pattern: &str) -> String {
    match shape {
        "RepositoryName" => format!("must satisfy regular expression '{pattern}'"),
        _ => format!("Member must satisfy regular expression pattern: {pattern}"),
    }
}

fn spelled(path: &Path) -> String {
    let text = path.to_string();
    match CAPITALISED.iter().find(|(plain, _)| *plain == text) {
        Some((_, spelling)) => (*spelling).to_owned(),
        None => text,
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "Expected structure or map or null".to_owned())
}

fn timestamp(value: &Value) -> Typed {
    let readable = match value {
        Value::Number(_) => true,
        Value::String(text) => text.parse::<jiff::Timestamp>().is_ok(),
        _ => false,
    };
    if readable { Ok(()) } else { Err(not_convertible(value, "a Timestamp")) }
}

fn not_convertible(value: &Value, wanted: &str) -> String {
    let found = match value {
        Value::Array(_) => return "Start of list found where not expected".to_owned(),
        Value::Object(_) => {
            return "Start of structure or map found where not expected.".to_owned();
        }
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    format!("{found} can not be converted to {wanted}")
}
