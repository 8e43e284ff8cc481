//! Every way to be refused at this door, with AWS's code, status and words. Whose fault it is
//! (`Type`) follows from the status.

use wharf_aws::query::FormError;
use wharf_aws::sigv4::{Protocol, Rejection};
use wharf_policy::Denial;

use crate::Refusal;

/// Why a call was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}", .0.message(Protocol::Query))]
    Credentials(Rejection),
    #[error("{0}")]
    Form(#[from] FormError),
    #[error("Could not find operation {action} for version {version}")]
    UnknownAction { action: String, version: String },
    #[error("{0} is not served by this version of Wharf yet")]
    NotServed(&'static str),
    /// Constraints of the model, or what AWS tells as if it were one.
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    AccessDenied(Box<Denial>),
    /// An error that the operation declares.
    #[error("{message}")]
    Declared { code: &'static str, status: u16, message: String },
    /// No fault of ours: those are the registry's.
    #[error(transparent)]
    Identity(wharf_identity::Error),
    #[error(transparent)]
    Registry(wharf_registry::Error),
}

impl Error {
    /// AWS's code and the HTTP status at `service`. The SDKs try again after 500 and 503.
    pub(super) fn codes(&self, service: &str) -> (&'static str, u16) {
        let fault = if service == "iam" { "ServiceFailure" } else { "InternalFailure" };
        match self {
            Error::Credentials(rejection) => rejection.code(Protocol::Query),
            Error::Form(error) => error.code(),
            Error::UnknownAction { .. } | Error::NotServed(_) => ("InvalidAction", 400),
            Error::Validation(_) => ("ValidationError", 400),
            Error::AccessDenied(_) => ("AccessDenied", 403),
            Error::Declared { code, status, .. } => (code, *status),
            Error::Identity(error) => error.codes(),
            Error::Registry(error) => match error {
                wharf_registry::Error::Throttled => ("Throttling", 400),
                wharf_registry::Error::Unavailable(_) | wharf_registry::Error::ReadOnly => {
                    ("ServiceUnavailable", 503)
                }
                _ => (fault, 500),
            },
        }
    }

    /// Whether it is our fault and not the caller's.
    pub(super) fn is_fault(&self) -> bool {
        match self {
            Error::Registry(error) => error.is_fault(),
            _ => false,
        }
    }

    /// With its causes, for the log.
    pub(super) fn told(&self) -> String {
        match self {
            Error::Registry(error) => error.told(),
            other => other.to_string(),
        }
    }
}

/// A fault is told without its cause, as everywhere.
impl From<wharf_identity::Error> for Error {
    fn from(error: wharf_identity::Error) -> Error {
        match error.is_fault() {
            true => Refusal::from(error).into(),
            false => Error::Identity(error),
        }
    }
}

impl From<wharf_registry::Error> for Error {
    fn from(error: wharf_registry::Error) -> Error {
        match error {
            wharf_registry::Error::AccessDenied(denial) => Error::AccessDenied(denial),
            other => Error::Registry(other),
        }
    }
}

/// What authentication refuses.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Credentials(rejection) => Error::Credentials(rejection),
            Refusal::Registry(error) => error.into(),
            other => Error::Registry(wharf_registry::Error::fault(other)),
        }
    }
}
