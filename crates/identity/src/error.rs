//! Everything that the principals' rooms refuse, in AWS's words, once. `Display` is the sentence,
//! [`Error::codes`] the code and the HTTP status of the Query protocol.
//!
//! Sources: the IAM API reference, "Common errors", and messages seen from IAM.

use wharf_policy::Fault;

use crate::entity::Kind;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("The {} with name {name} cannot be found.", kind.as_str())]
    NoSuchEntity { kind: Kind, name: String },
    #[error("The {} policy with name {name} cannot be found.", kind.as_str())]
    NoSuchInlinePolicy { kind: Kind, name: String },
    #[error("Policy {0} was not found.")]
    NoSuchPolicy(String),
    #[error("Policy {0} does not exist or is not attachable.")]
    NotAttachable(String),
    #[error("Policy {arn} version {version} does not exist or is not attachable.")]
    NoSuchVersion { arn: String, version: String },
    #[error("The Access Key with id {0} cannot be found")]
    NoSuchAccessKey(String),
    #[error("The account alias {0} cannot be found.")]
    NoSuchAlias(String),
    #[error("Login Profile for User {0} cannot be found.")]
    NoSuchLoginProfile(String),
    #[error("OpenIDConnect Provider not found for arn {0}")]
    NoSuchProvider(String),
    #[error("OpenId connect Provider {0} cannot be found.")]
    NoProviderToDelete(String),
    #[error("The user with name {user} is not in the group with name {group}.")]
    NotAMember { user: String, group: String },
    #[error("the account {0} does not exist")]
    NoSuchAccount(String),

    #[error("{} with name {name} already exists.", kind.title())]
    AlreadyExists { kind: Kind, name: String },
    #[error("A policy called {0} already exists. Duplicate names are not allowed.")]
    PolicyAlreadyExists(String),
    #[error("Provider with url {0} already exists.")]
    ProviderAlreadyExists(String),
    #[error("The account alias {0} already exists.")]
    AliasAlreadyExists(String),
    #[error("Login Profile for user {0} already exists.")]
    LoginProfileExists(String),
    #[error("the account {0} exists already")]
    AccountExists(String),
    #[error("the account {0} has got a repository meanwhile; close it again")]
    AccountInUse(String),

    #[error("{0}")]
    DeleteConflict(&'static str),
    #[error("Cannot attach a Service Role Policy to a Customer {}.", .0.title())]
    PolicyNotAttachable(Kind),
    #[error("{0}")]
    LimitExceeded(String),
    #[error("{0}")]
    MalformedPolicyDocument(Fault),
    #[error("{0}")]
    InvalidInput(String),
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    PasswordPolicy(&'static str),
    #[error("The old password was incorrect.")]
    WrongPassword,
    #[error(
        "The policy {0} is one of AWS's. Its document and its versions cannot be changed; make a \
         policy of your own from it"
    )]
    Unmodifiable(String),

    #[error(transparent)]
    Db(#[from] wharf_db::Error),
    #[error(
        "the installation key does not open the secrets in this database: give back the key that \
         was used when the database was made (secret_key_file)"
    )]
    WrongInstallationKey,
    #[error("{0}")]
    InvalidInstallationKey(String),
    #[error("a root access key id is 16 to 128 letters and digits, such as AKIAIOSFODNN7EXAMPLE")]
    InvalidAccessKeyId,
    #[error("a root secret access key has at least 16 characters")]
    WeakSecret,
    #[error("the system gave no random numbers")]
    Random,
    #[error("a row of the database is damaged: {0}")]
    Damaged(String),
}

impl Error {
    /// AWS's code and the HTTP status. Exhaustive on purpose.
    #[must_use]
    pub fn codes(&self) -> (&'static str, u16) {
        match self {
            Error::NoSuchEntity { .. }
            | Error::NoSuchInlinePolicy { .. }
            | Error::NoSuchPolicy(_)
            | Error::NotAttachable(_)
            | Error::NoSuchVersion { .. }
            | Error::NoSuchAccessKey(_)
            | Error::NoSuchAlias(_)
            | Error::NoSuchLoginProfile(_)
            | Error::NoSuchProvider(_)
            | Error::NoProviderToDelete(_)
            | Error::NotAMember { .. }
            | Error::NoSuchAccount(_) => ("NoSuchEntity", 404),
            Error::AlreadyExists { .. }
            | Error::PolicyAlreadyExists(_)
            | Error::ProviderAlreadyExists(_)
            | Error::AliasAlreadyExists(_)
            | Error::LoginProfileExists(_)
            | Error::AccountExists(_) => ("EntityAlreadyExists", 409),
            Error::DeleteConflict(_) | Error::AccountInUse(_) => ("DeleteConflict", 409),
            Error::PolicyNotAttachable(_) => ("PolicyNotAttachable", 400),
            Error::LimitExceeded(_) => ("LimitExceeded", 409),
            Error::MalformedPolicyDocument(_) => ("MalformedPolicyDocument", 400),
            Error::InvalidInput(_) => ("InvalidInput", 400),
            Error::Validation(_) => ("ValidationError", 400),
            Error::PasswordPolicy(_) => ("PasswordPolicyViolation", 400),
            Error::WrongPassword | Error::Unmodifiable(_) => ("AccessDenied", 403),
            Error::Db(error) if error.is_unavailable() => ("ServiceUnavailable", 503),
            Error::Db(_)
            | Error::WrongInstallationKey
            | Error::InvalidInstallationKey(_)
            | Error::InvalidAccessKeyId
            | Error::WeakSecret
            | Error::Random
            | Error::Damaged(_) => ("ServiceFailure", 500),
        }
    }

    /// Whether it is our fault and not the caller's.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.codes().1 >= 500
    }
}

/// A quota of AWS's, in its words.
pub(crate) fn quota(name: &str, most: impl std::fmt::Display) -> Error {
    Error::LimitExceeded(format!("Cannot exceed quota for {name}: {most}"))
}
