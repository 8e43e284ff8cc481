//! Conditions: whether an operator holds for a key of the request. What the operators are called is
//! in [`operator`], how values of each type compare in [`expected`].
//!
//! Source: the IAM User Guide, "IAM JSON policy elements: Condition operators" and "Single-valued
//! vs. multivalued context keys".

mod decimal;
pub(crate) mod expected;
mod moment;
pub(crate) mod operator;

use std::borrow::Cow;

use expected::Expected;
use operator::{Comparison, Operator, Set};

use crate::document::{Statement, Values};
use crate::template::Lookup;
use crate::{Key, Value};

/// A compiled condition: one operator, one key.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) key: Key,
    /// `None` where the document names an operator that does not exist.
    operator: Option<Operator>,
    /// A value that is none of its type is `None`.
    expected: Box<[Option<Expected>]>,
}

impl Condition {
    /// All conditions of a statement.
    pub(crate) fn of(statement: &Statement, variables: bool) -> Box<[Condition]> {
        let tests = statement.condition.iter().flatten();
        let conditions = tests.flat_map(|test| {
            test.keys
                .iter()
                .map(|(key, values)| Condition::compile(&test.operator, key, values, variables))
        });
        conditions.collect()
    }

    fn compile(operator: &str, key: &str, values: &Values, variables: bool) -> Condition {
        let operator = Operator::parse(operator);
        let expected = values.items.iter().map(|value| {
            operator.and_then(|known| Expected::parse(known.comparison, value.as_str(), variables))
        });
        Condition { key: Key::new(key), operator, expected: expected.collect() }
    }

    /// Whether it holds. `None` if the policy makes no sense here (an operator that does not exist,
    /// a value that is none): then an Allow must not apply and a Deny must.
    pub(crate) fn holds<'s>(&'s self, lookup: &mut dyn Lookup<'s>) -> Option<bool> {
        let operator = self.operator?;
        let value = lookup.look_up(&self.key);
        if operator.comparison == Comparison::Null {
            return self.is_missing(value.is_none());
        }
        let missing = operator.if_exists || operator.negated;
        match (operator.set, value) {
            (Set::None, None) => Some(missing),
            (Set::None, Some(Value::One(text))) => self.meets(operator, &text, lookup),
            // Several values have no order of their own, so without a word on how to take them no
            // comparison is met.
            (Set::None, Some(Value::Many(_))) => Some(operator.negated),
            (Set::All, None) => Some(true),
            (Set::All, Some(value)) => {
                all(list(value).iter().map(|text| self.meets(operator, text, lookup)))
            }
            (Set::Any, None) => Some(operator.if_exists),
            (Set::Any, Some(value)) => {
                any(list(value).iter().map(|text| self.meets(operator, text, lookup)))
            }
        }
    }

    /// Whether one value of the request meets the operator: it is compared with each value of the
    /// policy, and where the operator is negated none may be equal.
    fn meets<'s>(
        &'s self,
        operator: Operator,
        text: &str,
        lookup: &mut dyn Lookup<'s>,
    ) -> Option<bool> {
        let comparison = operator.comparison;
        let equal = any(self.expected.iter().map(|expected| {
            expected.as_ref().map(|expected| expected.compare(comparison, text, lookup))
        }));
        equal.map(|equal| equal != operator.negated)
    }

    fn is_missing(&self, missing: bool) -> Option<bool> {
        any(self.expected.iter().map(|expected| match expected {
            Some(Expected::Truth(wanted)) => Some(*wanted == missing),
            _ => None,
        }))
    }

    /// Whether it holds only for callers whose ARNs stand in the policy without wildcards.
    pub(crate) fn names_principals(&self) -> bool {
        let positive = self.operator.is_some_and(|operator| {
            operator.set == Set::None && !operator.negated && !operator.if_exists
        });
        positive
            && self.key.name() == "aws:principalarn"
            && self.expected.iter().all(|expected| expected.as_ref().is_some_and(Expected::is_text))
    }

    /// The keys that it asks for: its own, and those of variables.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        let variables = self.expected.iter().flatten().flat_map(Expected::keys);
        std::iter::once(&self.key).chain(variables)
    }
}

fn list(value: Value<'_>) -> Vec<Cow<'_, str>> {
    match value {
        Value::One(text) => vec![text],
        Value::Many(texts) => texts,
    }
}

/// Whether any is true; if none is and some are unknown, that is unknown too.
fn any(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(false);
    for truth in truths {
        match truth {
            Some(true) => return truth,
            Some(false) => {}
            None => known = None,
        }
    }
    known
}

/// Whether all are true; if none is false and some are unknown, that is unknown too.
fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    any(truths.map(|truth| truth.map(|truth| !truth))).map(|truth| !truth)
}

#[cfg(test)]
mod tests;
