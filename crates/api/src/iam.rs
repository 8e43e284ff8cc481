//! The operations of AWS IAM, a file each in the folder of its area.

pub mod absent;
pub mod access_keys;
pub mod account;
pub mod attachments;
pub mod boundaries;
pub mod groups;
pub mod inline_policies;
pub mod login_profiles;
pub mod oidc;
pub mod policies;
pub mod roles;
mod shape;
pub mod simulation;
mod tag;
pub mod users;

use crate::query::Error;

/// Refuses a member that the model has and Wharf does not serve: reading past it would promise what
/// is not kept.
fn not_served(member: &str, is_given: bool) -> Result<(), Error> {
    match is_given {
        true => Err(Error::Validation(format!(
            "{member} is not served by this version of Wharf. Leave it out"
        ))),
        false => Ok(()),
    }
}
