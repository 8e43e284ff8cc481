//! Example values made from the model, for loops over all operations. Every member is set, and as
//! far as bounds allow no two values are alike, so that a lost or swapped member shows.

use base64::{Engine, prelude::BASE64_STANDARD};
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value, json};

use super::{Kind, Model, Operation, Shape, ShapeRef};

impl Model {
    /// An input of `operation` with every member set, each satisfying its constraints. A shape
    /// inside itself is left out; a union has its first member. Without an input: `{}`.
    pub fn example_input(&self, operation: &Operation) -> Value {
        Example::new(self).root(operation.input)
    }

    /// An output of `operation` with every member set, as [`Model::example_input`].
    pub fn example_output(&self, operation: &Operation) -> Value {
        Example::new(self).root(operation.output)
    }
}

struct Example<'m> {
    model: &'m Model,
    inside: Vec<ShapeRef>,
    made: i64,
}

impl<'m> Example<'m> {
    fn new(model: &'m Model) -> Self {
        Self { model, inside: Vec::new(), made: 0 }
    }

    fn root(&mut self, shape: Option<ShapeRef>) -> Value {
        shape.and_then(|shape| self.value(shape, "")).unwrap_or_else(|| json!({}))
    }

    /// `None` when `reference` is being made already.
    fn value(&mut self, reference: ShapeRef, name: &str) -> Option<Value> {
        if self.inside.contains(&reference) {
            return None;
        }
        self.inside.push(reference);
        let value = self.of(self.model.shape(reference), name);
        self.inside.pop();
        Some(value)
    }

    fn of(&mut self, shape: &'m Shape, name: &str) -> Value {
        self.made += 1;
        match &shape.kind {
            Kind::Structure { members, union, .. } => {
                let count = if *union { 1 } else { members.len() };
                let members = members.iter().take(count);
                let set =
                    members.filter_map(|m| Some((m.name.clone(), self.value(m.shape, &m.name)?)));
                Value::Object(set.collect())
            }
            Kind::List { item, .. } => {
                let count = shape.min.unwrap_or(1).max(1).min(shape.max.unwrap_or(i64::MAX));
                (0..count).filter_map(|_| self.value(*item, name)).collect()
            }
            Kind::Map { key, value } => {
                let key = self.text(self.model.shape(*key), name);
                Value::Object(
                    self.value(*value, name)
                        .map(|value| (key, value))
                        .into_iter()
                        .collect::<Map<_, _>>(),
                )
            }
            Kind::String => Value::String(self.text(shape, name)),
            Kind::Integer | Kind::Long => json!(self.number(shape)),
            Kind::Double => json!(self.made as f64 + 0.5),
            Kind::Boolean => json!(true),
            Kind::Timestamp => json!(1_700_000_000.5 + self.made as f64),
            Kind::Blob => json!(BASE64_STANDARD.encode(fitted(name, shape.min, shape.max))),
        }
    }

    fn number(&self, shape: &Shape) -> i64 {
        let min = shape.min.unwrap_or(1);
        min.saturating_add(self.made).min(shape.max.unwrap_or(i64::MAX))
    }

    fn text(&self, shape: &Shape, name: &str) -> String {
        if let Some(first) = shape.values.first() {
            return first.clone();
        }
        let Some(pattern) = &shape.pattern else {
            return fitted(&format!("{name}-{}", self.made), shape.min, shape.max);
        };
        let min = usize::try_from(shape.min.unwrap_or(1).max(1)).unwrap_or(1);
        let candidates = (1..=min).map(|repeats| matching(&pattern.source, repeats));
        let fits = |text: &String| text.chars().count() >= min && pattern.matches(text);
        candidates.flatten().find(fits).unwrap_or_default()
    }
}

/// `text` lengthened or cut to the bounds.
fn fitted(text: &str, min: Option<i64>, max: Option<i64>) -> String {
    let min = usize::try_from(min.unwrap_or(0)).unwrap_or(0);
    let max = max.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(0));
    let length = text.len().clamp(min, max);
    text.chars().chain(std::iter::repeat('x')).take(length).collect()
}

/// A text that `pattern` matches, with unbounded parts repeated `repeats` times. Look-arounds are
/// taken out first; the caller tries the text on the pattern itself.
fn matching(pattern: &str, repeats: usize) -> Option<String> {
    let plain = pattern.replace("(?!-)", "");
    let hir = regex_syntax::parse(&plain).ok()?;
    let mut text = String::new();
    append(&hir, repeats, &mut text)?;
    Some(text)
}

fn append(hir: &Hir, repeats: usize, text: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(pick(class)?),
        HirKind::Repetition(repetition) => {
            let min = repetition.min as usize;
            let max = repetition.max.map_or(usize::MAX, |max| max as usize);
            for _ in 0..repeats.clamp(min, max) {
                append(&repetition.sub, 1, text)?;
            }
        }
        HirKind::Capture(capture) => append(&capture.sub, repeats, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| append(part, repeats, text))?,
        HirKind::Alternation(parts) => append(parts.last()?, repeats, text)?,
    }
    Some(())
}

/// A lower-case letter when the class has one, else its first character.
fn pick(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else {
        return None;
    };
    let holds = |wanted: char| {
        class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&wanted))
    };
    if holds('a') {
        return Some('a');
    }
    class.ranges().first().map(|range| range.start())
}
