//! The status of an access key.

use wharf_identity::KeyShape;

use crate::query::Error;

pub(super) fn status(key: &KeyShape) -> &'static str {
    if key.is_active { "Active" } else { "Inactive" }
}

/// `Expired` is in the model, but nobody can set it.
pub(super) fn read_status(text: &str) -> Result<bool, Error> {
    match text {
        "Active" => Ok(true),
        "Inactive" => Ok(false),
        _ => Err(Error::Validation(
            "1 validation error detected: Value at 'status' failed to satisfy constraint: Member \
             must satisfy enum value set: [Active, Inactive]"
                .to_owned(),
        )),
    }
}
