//! Why a request is not authenticated: AWS's sentences, and the code and status of each per
//! protocol.

/// The protocol that a refusal is written in; the codes differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// IAM and STS.
    Query,
    /// ECR.
    Json,
}

/// A refusal of a request's credentials or signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The path or query string cannot be read.
    MalformedQueryString(String),
    /// There are no credentials at all.
    MissingAuthenticationToken,
    /// The credentials are not well-formed.
    IncompleteSignature(String),
    /// Clock, scope or signature are wrong.
    SignatureMismatch(String),
    /// The key is unknown or inactive, or the session token is not genuine or not the key's.
    InvalidToken,
    /// The session has ended.
    ExpiredToken,
}

impl Rejection {
    /// The signature is not the one that we compute.
    pub(super) fn mismatch() -> Self {
        Self::SignatureMismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details."
                .to_owned(),
        )
    }

    /// AWS's code and the HTTP status.
    pub fn code(&self, protocol: Protocol) -> (&'static str, u16) {
        match protocol {
            Protocol::Query => self.query_code(),
            Protocol::Json => (self.json_code(), 400),
        }
    }

    /// AWS's sentence, empty where AWS says nothing.
    pub fn message(&self, protocol: Protocol) -> &str {
        match (self, protocol) {
            (
                Self::MalformedQueryString(text)
                | Self::IncompleteSignature(text)
                | Self::SignatureMismatch(text),
                _,
            ) => text,
            (Self::MissingAuthenticationToken, Protocol::Query) => {
                "Request is missing Authentication Token"
            }
            (Self::MissingAuthenticationToken, Protocol::Json) => "Missing Authentication Token",
            (Self::InvalidToken, _) => "The security token included in the request is invalid.",
            (Self::ExpiredToken, _) => "The security token included in the request is expired",
        }
    }

    fn query_code(&self) -> (&'static str, u16) {
        match self {
            Self::MalformedQueryString(_) => ("MalformedQueryString", 400),
            Self::MissingAuthenticationToken => ("MissingAuthenticationToken", 403),
            Self::IncompleteSignature(_) => ("IncompleteSignature", 400),
            Self::SignatureMismatch(_) => ("SignatureDoesNotMatch", 403),
            Self::InvalidToken => ("InvalidClientTokenId", 403),
            Self::ExpiredToken => ("ExpiredToken", 403),
        }
    }

    fn json_code(&self) -> &'static str {
        match self {
            Self::MalformedQueryString(_) => "MalformedQueryString",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::IncompleteSignature(_) => "IncompleteSignatureException",
            Self::SignatureMismatch(_) => "InvalidSignatureException",
            Self::InvalidToken => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
        }
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message(Protocol::Query))
    }
}

impl std::error::Error for Rejection {}
