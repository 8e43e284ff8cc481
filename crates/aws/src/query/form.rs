//! Reading a form: names such as `Tags.member.1.Key` become the JSON value that the model's input
//! shape describes. The walk follows the model, never the form, so what it does not know costs
//! nothing.

use std::{collections::BTreeMap, ops::Bound};

use serde_json::{Map, Value};

use crate::{
    Model, Operation, ShapeRef, escape,
    model::{Kind, Member, Shape},
};

/// Largest form in bytes. The largest documents that IAM takes are far below it, even escaped.
pub const LIMIT: usize = 256 * 1024;

/// Why a form cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Longer than [`LIMIT`].
    #[error("The request must not be larger than {LIMIT} bytes")]
    TooLarge,
    /// A `%` that is no escape; worded as AWS does.
    #[error("{0}")]
    MalformedQueryString(String),
    /// Not UTF-8, or a value that is no number, boolean or date where the model wants one. AWS says
    /// nothing.
    #[error("")]
    MalformedInput,
}

impl FormError {
    /// AWS's code and the HTTP status.
    pub fn code(&self) -> (&'static str, u16) {
        match self {
            Self::TooLarge => ("RequestEntityTooLarge", 413),
            Self::MalformedQueryString(_) => ("MalformedQueryString", 400),
            Self::MalformedInput => ("MalformedInput", 400),
        }
    }
}

/// The names and values of a form or query string, decoded.
#[derive(Debug, Clone, Default)]
pub struct Form {
    pairs: BTreeMap<String, String>,
}

impl Form {
    /// Reads the body of a `POST` or the query string of a `GET`. Of a repeated name the last value
    /// counts.
    ///
    /// # Errors
    /// When it is larger than [`LIMIT`], not UTF-8, or has a broken escape.
    pub fn read(text: &[u8]) -> Result<Self, FormError> {
        if text.len() > LIMIT {
            return Err(FormError::TooLarge);
        }
        let text = std::str::from_utf8(text).map_err(|_| FormError::MalformedInput)?;
        escape::check(text)
            .map_err(|malformed| FormError::MalformedQueryString(malformed.to_string()))?;
        let utf8 = |bytes| String::from_utf8(bytes).map_err(|_| FormError::MalformedInput);
        let pairs = escape::pairs(text).map(|(name, value)| Ok((utf8(name)?, utf8(value)?)));
        Ok(Self { pairs: pairs.collect::<Result<_, _>>()? })
    }

    /// The operation's name.
    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    /// The version of the API, which tells IAM from STS.
    pub fn version(&self) -> Option<&str> {
        self.get("Version")
    }

    /// The input of `operation` as JSON. Unknown names are ignored; constraints are not checked
    /// here.
    ///
    /// # Errors
    /// [`FormError::MalformedInput`] when a value is not of the type that the model gives it.
    pub fn input(&self, model: &Model, operation: &Operation) -> Result<Value, FormError> {
        let walk = Walk { model, form: self };
        let input = operation.input.map(|input| walk.value(input, "")).transpose()?;
        Ok(input.unwrap_or_else(|| Value::Object(Map::new())))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.pairs.get(name).map(String::as_str)
    }

    /// Names that begin with `prefix`, and what follows it.
    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self
            .pairs
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(name, _)| name);
        names.map_while(move |name| name.strip_prefix(prefix))
    }

    fn has(&self, name: &str) -> bool {
        self.pairs.contains_key(name) || self.below(&format!("{name}.")).next().is_some()
    }
}

struct Walk<'a> {
    model: &'a Model,
    form: &'a Form,
}

impl Walk<'_> {
    /// The value at `name`, which is known to be there.
    fn value(&self, shape: ShapeRef, name: &str) -> Result<Value, FormError> {
        let shape = self.model.shape(shape);
        match &shape.kind {
            Kind::Structure { members, .. } => self.structure(members, name),
            Kind::List { item, flattened } => self.list(*item, *flattened, name),
            Kind::Map { key, value } => self.map(*key, *value, name),
            _ => scalar(shape, self.form.get(name).unwrap_or_default()),
        }
    }

    fn structure(&self, members: &[Member], name: &str) -> Result<Value, FormError> {
        let mut object = Map::new();
        for member in members {
            let inner = if name.is_empty() {
                member.name.clone()
            } else {
                format!("{name}.{}", member.name)
            };
            if self.form.has(&inner) {
                object.insert(member.name.clone(), self.value(member.shape, &inner)?);
            }
        }
        Ok(Value::Object(object))
    }

    fn list(&self, item: ShapeRef, flattened: bool, name: &str) -> Result<Value, FormError> {
        let prefix = if flattened { format!("{name}.") } else { format!("{name}.member.") };
        let items = self
            .indices(&prefix)
            .into_values()
            .map(|index| self.value(item, &format!("{prefix}{index}")));
        items.collect()
    }

    fn map(&self, key: ShapeRef, value: ShapeRef, name: &str) -> Result<Value, FormError> {
        let prefix = format!("{name}.entry.");
        let mut object = Map::new();
        for index in self.indices(&prefix).into_values() {
            let Value::String(key) = self.value(key, &format!("{prefix}{index}.key"))? else {
                return Err(FormError::MalformedInput);
            };
            object.insert(key, self.value(value, &format!("{prefix}{index}.value"))?);
        }
        Ok(Value::Object(object))
    }

    /// The indices found after `prefix`, in order of their numbers, each as it is spelled. Gaps are
    /// allowed.
    fn indices(&self, prefix: &str) -> BTreeMap<u32, String> {
        let following = self.form.below(prefix).filter_map(|rest| rest.split('.').next());
        following.filter_map(|index| Some((index.parse().ok()?, index.to_owned()))).collect()
    }
}

fn scalar(shape: &Shape, text: &str) -> Result<Value, FormError> {
    let value = match shape.kind {
        Kind::Integer | Kind::Long => text.parse::<i64>().ok().map(Value::from),
        Kind::Double => {
            text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
        }
        Kind::Boolean => text.parse::<bool>().ok().map(Value::Bool),
        Kind::Timestamp => text.parse().ok().map(seconds),
        _ => Some(Value::from(text)),
    };
    value.ok_or(FormError::MalformedInput)
}

/// Dates as the JSON protocol has them, so that operations of all services read them alike.
fn seconds(time: jiff::Timestamp) -> Value {
    match time.subsec_millisecond() {
        0 => Value::from(time.as_second()),
        _ => Value::from(time.as_millisecond() as f64 / 1000.0),
    }
}
