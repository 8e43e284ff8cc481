//! Every way in which a token is refused, with AWS's code and words.

/// Why a token is not taken.
#[derive(Debug, thiserror::Error)]
pub enum WebIdentityFault {
    #[error(
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
    )]
    NoToken,
    #[error("No OpenIDConnect provider found in your account for {0}")]
    UnknownIssuer(String),
    #[error(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
    )]
    NoKey,
    #[error("The identity provider could not be reached in time; try again")]
    Unreachable,
    /// The signature is wrong, or of a kind that is not taken.
    #[error(
        "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
    )]
    Invalid,
    #[error(
        "Token expired: current date/time {now} must be before the expiration date/time{expires}"
    )]
    Expired { now: i64, expires: i64 },
    #[error("Token is not yet valid: current date/time {now} must not be before {claim} {from}")]
    TooEarly { claim: &'static str, now: i64, from: i64 },
    #[error("Incorrect token audience")]
    Audience,
    #[error("The claim {0} of the token is missing or not of the right type")]
    Claim(&'static str),
    #[error(transparent)]
    Fault(#[from] crate::Error),
}

impl WebIdentityFault {
    /// AWS's code; the status is 400. None for a fault of ours.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            WebIdentityFault::Fault(_) => None,
            WebIdentityFault::Unreachable => Some("IDPCommunicationError"),
            WebIdentityFault::Expired { .. } => Some("ExpiredTokenException"),
            _ => Some("InvalidIdentityToken"),
        }
    }
}
