//! The AWS Query protocol as IAM and STS speak it: a form in, an XML document out, both shaped by
//! the model. Values are JSON values on our side, so that operations of all services look alike.

mod form;
mod xml;

pub use form::{Form, FormError, LIMIT};
pub use xml::{error, invalid_action, response};

/// Content type of every answer.
pub const CONTENT_TYPE: &str = "text/xml";

/// A policy document as responses carry it: percent-encoded as RFC 3986 has it, so that a space is
/// `%20` and a plus `%2B`.
#[must_use]
pub fn document(text: &str) -> String {
    crate::escape::encode(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests;
