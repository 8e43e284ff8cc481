//! An answer, ready to be written to the wire.

use serde_json::Value;
use wharf_policy::Requester;

/// Status, type and body; the rest is for the log and the audit trail.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    pub told: Told,
}

/// What is known of a call when it has been answered.
#[derive(Debug, Default)]
pub struct Told {
    /// `ecr`, `iam` or `sts`; empty where the request is of none.
    pub service: &'static str,
    /// The operation, when one was recognised.
    pub operation: Option<&'static str>,
    /// Who called, once proven.
    pub requester: Option<Requester>,
    /// The input without secrets and content, see [`crate::parameters::shown`].
    pub parameters: Option<Value>,
    /// The code of the error, if it is one, and its message.
    pub error: Option<(String, String)>,
}
