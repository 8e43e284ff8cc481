//! Forms for IAM and STS.

use crate::{
    Model,
    query::{self, Form},
};

/// Reads `bytes` as a form for the operation that it names. Whatever it is, nothing may panic, the
/// input may not be much larger than the form, and the order of the fields may not matter.
///
/// # Panics
/// If there is an error in this crate.
pub fn query_bytes(bytes: &[u8]) {
    let Ok(form) = Form::read(bytes) else { return };
    let [version, action] = [form.version(), form.action()].map(Option::unwrap_or_default);
    let model = if version == "2011-06-15" { Model::sts() } else { Model::iam() };
    let Some(operation) = model.operation(action) else {
        let _ = query::invalid_action(action, version, "fuzzed");
        return;
    };
    let Ok(input) = form.input(model, operation) else { return };
    // A control character is one byte in a form, escaped three, and six in JSON; names of members
    // stand in both.
    let (size, limit) = (input.to_string().len(), 8 * bytes.len() + 64);
    assert!(size <= limit, "{size} bytes of input from a form of {}", bytes.len());
    if let Some(turned) = turned(bytes) {
        let again = Form::read(&turned).map(|form| form.input(model, operation));
        assert_eq!(again, Ok(Ok(input.clone())));
    }
    let faults = model.unmet(operation, &input).unwrap_or_else(|fault| vec![fault]);
    for fault in faults {
        let document = query::error(model, "ValidationError", 400, &fault.to_string(), "fuzzed");
        assert_eq!(document.matches("<Message>").count(), 1, "{document}");
    }
    let _ = query::response(model, operation, &input, "fuzzed");
}

/// The form from its end to its beginning; `None` when a name is there twice, of which the last one
/// counts.
fn turned(form: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(form).ok()?;
    let mut names: Vec<_> = crate::escape::pairs(text).map(|(name, _)| name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return None;
    }
    let mut fields: Vec<&[u8]> = form.split(|byte| *byte == b'&').collect();
    fields.reverse();
    Some(fields.join(&b'&'))
}
