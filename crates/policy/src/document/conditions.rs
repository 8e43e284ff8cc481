//! What all kinds of policies ask of their conditions.

use std::collections::HashSet;

use super::fault::Wrong;
use super::limit::MOST_VALUES;
use super::{Document, Grammar, Scalar, Statement, Values};
use crate::Policy;
use crate::condition::expected::Expected;
use crate::condition::operator::Operator;
use crate::policy::Rule;

/// Operators that exist, values that they can compare.
pub(super) fn check(statement: &Statement, variables: bool) -> Result<(), Wrong> {
    faults(statement, variables).next().map_or(Ok(()), Err)
}

/// All that is wrong with the conditions of a statement.
pub(super) fn faults(statement: &Statement, variables: bool) -> impl Iterator<Item = Wrong> {
    let tests = statement.condition.iter().flatten();
    tests.flat_map(move |test| {
        let known = Operator::parse(&test.operator);
        let unknown = known.is_none().then(|| Wrong::Operator(test.operator.clone()));
        let keys = known.into_iter().flat_map(move |known| {
            let parses = move |text: &str| Expected::parse(known.comparison, text, variables);
            test.keys.iter().filter_map(move |(key, values)| {
                value_fault(&test.operator, key, values, |text| parses(text).is_some())
            })
        });
        unknown.into_iter().chain(keys)
    })
}

fn value_fault(
    operator: &str,
    key: &str,
    values: &Values,
    is_valid: impl Fn(&str) -> bool,
) -> Option<Wrong> {
    let (operator, key) = (operator.to_owned(), key.to_owned());
    if values.items.len() > MOST_VALUES {
        return Some(Wrong::TooManyValues { operator, key, most: MOST_VALUES });
    }
    let invalid = values.items.iter().map(Scalar::as_str).find(|text| !is_valid(text))?;
    Some(Wrong::Value { operator, key, value: invalid.to_owned() })
}

/// The keys that the document asks for, sorted, each once.
pub(super) fn keys(document: &Document) -> Vec<String> {
    let policy = Policy::new(document, Grammar::Identity, "");
    let mut seen = HashSet::new();
    let keys = policy.rules().iter().flat_map(Rule::keys);
    let mut keys: Vec<String> =
        keys.filter(|key| seen.insert(*key)).map(|key| key.as_str().to_owned()).collect();
    keys.sort_unstable();
    keys
}
