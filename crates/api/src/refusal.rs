//! Every way to be refused at this door, with AWS's code and words.

use serde_json::{Map, Value, json};
use wharf_aws::Fault;
use wharf_aws::sigv4::{Protocol, Rejection};
use wharf_registry::Error;

/// Why a call was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{}", .0.message(Protocol::Json))]
    Credentials(Rejection),
    #[error("{0}")]
    Input(#[from] Fault),
    #[error("The operation named by X-Amz-Target is not known")]
    UnknownOperation,
    #[error(
        "{0} is an operation of Amazon ECR that this version of Wharf does not serve yet. The page \
         'What is served' of the Wharf book lists those it serves"
    )]
    NotServed(&'static str),
    #[error("The request is larger than the {0} bytes that this operation takes")]
    TooLarge(usize),
    #[error(transparent)]
    Registry(#[from] Error),
}

impl Refusal {
    /// The exception's name in the JSON protocol.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Credentials(rejection) => rejection.code(Protocol::Json).0,
            Refusal::Input(Fault::Serialization(_)) => "SerializationException",
            Refusal::Input(Fault::Parameter { .. }) => "InvalidParameterException",
            Refusal::UnknownOperation | Refusal::NotServed(_) => "UnknownOperationException",
            Refusal::TooLarge(_) => "InvalidParameterException",
            Refusal::Registry(error) => error.codes().aws,
        }
    }

    /// The HTTP status in the JSON protocol: 400, and 500 for faults of ours, or 503 for one that
    /// is soon over. The SDKs try again after both.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Registry(Error::Unavailable(_) | Error::UploadBusy) => 503,
            Refusal::Registry(error) if error.is_fault() => 500,
            Refusal::Registry(Error::ReadOnly) => 503,
            _ => 400,
        }
    }

    /// Members of the exception beyond its message.
    #[must_use]
    pub fn extra(&self) -> Map<String, Value> {
        let Refusal::Registry(error) = self else { return Map::new() };
        let members = match error {
            Error::InvalidLayerPart { id, name, account, last_valid_byte } => json!({
                "registryId": account.as_str(),
                "repositoryName": name.as_str(),
                "uploadId": id,
                "lastValidByteReceived": last_valid_byte,
            }),
            Error::Kms(reason) => json!({ "kmsError": reason }),
            _ => json!({}),
        };
        let Value::Object(mut members) = members else { return Map::new() };
        members.retain(|_, member| !member.is_null());
        members
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Refusal {
        Refusal::Credentials(rejection)
    }
}

impl From<wharf_identity::Error> for Refusal {
    fn from(error: wharf_identity::Error) -> Refusal {
        Refusal::Registry(of_identity(error))
    }
}

/// What an error of the principals' rooms is at this door, which asks them only for what is there.
pub(crate) fn of_identity(error: wharf_identity::Error) -> Error {
    match error {
        wharf_identity::Error::Db(error) => error.into(),
        other => Error::fault(other),
    }
}
