//! The AWS Query protocol as IAM and STS speak it: a form in, an XML document out, both shaped by
//! the model. Values are JSON values on our side, so that operations of all services look alike.

mod form;
mod xml;

pub use form::{Form, FormError, LIMIT};
pub use xml::{error, invalid_action, response};

/// Content type of every answer.
pub const CONTENT_TYPE: &str = "text/xml";

#[cfg(test)]
mod tests;
