//! Values against the model: inputs as AWS's edge checks them, outputs more strictly for the tests.
//! Constraints are interpreted from the model, none is written here. What only an operation can
//! know (that an ARN exists, that a token was ours) is not checked here.

pub(crate) mod blob;
mod input;
mod output;

use std::fmt;

use serde_json::Value;

use crate::model::{Model, Operation};

/// How many unmet constraints are told at once; a list of a thousand bad items has as many.
const MOST_UNMET: usize = 20;

/// Why an input is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A value has the wrong JSON type: `SerializationException`, with this message.
    #[error("{0}")]
    Serialization(String),
    /// A constraint of the model is not met; displayed as ECR's `InvalidParameterException` prints
    /// it.
    #[error("Invalid parameter at '{path}' failed to satisfy constraint: '{reason}'")]
    Parameter {
        /// The member in AWS's spelling; items of lists are `name.1.member`, counted from 1.
        path: String,
        /// What the value must satisfy, in AWS's words.
        reason: String,
    },
}

impl Model {
    /// Checks `value` against the input shape of `operation`. Unknown members are ignored and
    /// `null` equals absent, as AWS's JSON services have it. Nothing is copied; a wrong type
    /// anywhere is reported before any constraint, because AWS reads the whole document first.
    ///
    /// # Errors
    /// The first wrong type, else the first constraint that fails, members taken by name.
    pub fn check_input(&self, operation: &Operation, value: &Value) -> Result<(), Fault> {
        input::check(self, operation.input, value)
    }

    /// All constraints that `value` does not meet, members taken by name, at most twenty:
    /// what the Query services tell in one sentence. Otherwise as [`Model::check_input`].
    ///
    /// # Errors
    /// The first wrong type.
    pub fn unmet(&self, operation: &Operation, value: &Value) -> Result<Vec<Fault>, Fault> {
        input::unmet(self, operation.input, value, MOST_UNMET)
    }

    /// Checks `value` against the output shape of `operation`, for tests: every member known, no
    /// nulls, types right, required members there, enumerations right, timestamps as JSON numbers.
    ///
    /// # Errors
    /// A sentence naming the first difference and where it is.
    pub fn check_output(&self, operation: &Operation, value: &Value) -> Result<(), String> {
        output::check(self, operation.output, value)
    }
}

/// Where in a value the check is: kept on the stack, written out only for a refusal.
#[derive(Clone, Copy)]
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Member(&'a str),
    Item(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    fn then(&'a self, step: Step<'a>) -> Self {
        Path { parent: Some(self), step }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent.filter(|parent| parent.parent.is_some()) {
            write!(f, "{parent}.")?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Member(name) => f.write_str(name),
            Step::Item(index) => write!(f, "{}.member", index + 1),
            Step::Key(key) => write!(f, "{key}.member"),
        }
    }
}

#[cfg(test)]
mod tests;
