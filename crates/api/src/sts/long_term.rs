//! Who asks with long-term credentials, which alone begin sessions without a role.

use wharf_policy::{Caller, Kind};

use crate::query::Error;

/// How long a session lasts that nobody said it for, in seconds.
const DEFAULT: i64 = 43_200;
/// The longest session of a root, in seconds; one asked for longer lasts as long.
const ROOT: i64 = 3600;

/// The holder of a long-term access key.
pub(super) enum LongTerm {
    Root,
    /// By id.
    User(String),
}

impl LongTerm {
    /// Who calls `operation`.
    ///
    /// # Errors
    /// If it is a session.
    pub(super) fn of(caller: &Caller, operation: &str) -> Result<LongTerm, Error> {
        match caller.kind {
            _ if caller.session.is_some() => Err(of_session(operation)),
            Kind::Root => Ok(LongTerm::Root),
            _ => Ok(LongTerm::User(caller.unique_id.clone())),
        }
    }

    /// How long the session shall last, in seconds.
    pub(super) fn seconds(&self, asked: Option<i64>) -> i64 {
        match self {
            LongTerm::Root => asked.unwrap_or(ROOT).min(ROOT),
            LongTerm::User(_) => asked.unwrap_or(DEFAULT),
        }
    }
}

/// Refuses `operation` to sessions that no role gives: in STS they have no more than AssumeRole,
/// which federated users do not have either, and GetCallerIdentity.
pub(super) fn check_session(caller: &Caller, operation: &str) -> Result<(), Error> {
    match caller.kind {
        Kind::RoleSession => Ok(()),
        _ if caller.session.is_none() => Ok(()),
        _ => Err(of_session(operation)),
    }
}

pub(super) fn of_session(operation: &str) -> Error {
    denied(format!("Cannot call {operation} with session credentials"))
}

pub(super) fn denied(message: String) -> Error {
    Error::Declared { code: "AccessDenied", status: 403, message }
}
