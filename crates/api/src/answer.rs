//! An answer, ready to be written to the wire.

/// Status, type and body; the rest is for the log.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// The operation, when one was recognised.
    pub operation: Option<&'static str>,
    /// The caller's ARN, once proven.
    pub principal: Option<std::sync::Arc<str>>,
    /// The code of the error, if it is one.
    pub error: Option<String>,
}
