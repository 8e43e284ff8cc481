//! Signature Version 4, verified: from a request to who claims to have sent it ([`read`], which
//! needs no secret) and whether that is true ([`Presented::verify`]). Checks come in AWS's order
//! with AWS's words. Which keys exist, which Regions are served and whether a session token is
//! genuine, the caller knows.

mod authorization;
mod canonical;
mod clock;
mod key;
mod rejection;

use std::{fmt, time::Duration};

use http::HeaderMap;
use jiff::Timestamp;

pub use key::SigningKey;
pub use rejection::{Protocol, Rejection};

use authorization::{Authorization, Credential};

/// How far a request's date may lie from our clock, either way.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// A request as it came over the wire, with the whole body.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path as sent, escapes untouched.
    pub path: &'a str,
    /// The query string as sent, without `?`; empty when there is none.
    pub query: &'a str,
    /// All headers, repeated ones in order of arrival.
    pub headers: &'a HeaderMap,
    /// The `:authority` of HTTP/2, which stands in for `Host`; `None` where `Host` is a header.
    pub authority: Option<&'a str>,
    /// The body as received; its hash is always computed from it.
    pub body: &'a [u8],
}

/// What a well-formed request presents. Nothing in it is proven until [`Presented::verify`] says
/// so.
pub struct Presented {
    /// The access key that is said to have signed.
    pub access_key_id: String,
    /// Day of the signing key, `yyyymmdd`.
    pub date: String,
    /// Region of the scope: well-formed, not known to exist.
    pub region: String,
    /// Service of the scope: the one that was asked for.
    pub service: String,
    /// Token of temporary credentials, not yet looked at.
    pub session_token: Option<String>,
    /// Whether the signature came in the query string.
    pub presigned: bool,
    pub(crate) signature: String,
    canonical_request: String,
    string_to_sign: String,
}

/// Reads the signature of `request` for `service` (`ecr`, `iam`, `sts`), as far as that is possible
/// without the secret: form, signed headers, clock (`window` either way), scope, hash of the body.
///
/// # Errors
/// The first check that fails, in AWS's order.
pub fn read(
    request: &Request,
    service: &str,
    now: Timestamp,
    window: Duration,
) -> Result<Presented, Rejection> {
    canonical::check_target(request)?;
    let authorization = Authorization::of(request)?;
    authorization.check_signed_headers(request)?;
    let date = clock::read(&authorization)?;
    clock::check(date, now, window, authorization.expires)?;
    let credential = Credential::read(&authorization.credential)?;
    credential.check(service, &authorization.date, date)?;
    let canonical_request = canonical::request(request, &authorization)?;
    let scope = format!("{}/{}/{service}/{TERMINATOR}", credential.date, credential.region);
    let hash = canonical::sha256_hex(canonical_request.as_bytes());
    Ok(Presented {
        access_key_id: credential.access_key_id.to_owned(),
        date: credential.date.to_owned(),
        region: credential.region.to_owned(),
        service: service.to_owned(),
        string_to_sign: format!("{ALGORITHM}\n{}\n{scope}\n{hash}", clock::basic(date)),
        canonical_request,
        presigned: authorization.expires.is_some(),
        session_token: authorization.session_token,
        signature: authorization.signature,
    })
}

impl Presented {
    /// Whether `secret` made the signature. The comparison takes the same time wherever it differs.
    ///
    /// # Errors
    /// [`Rejection::SignatureMismatch`].
    pub fn verify(&self, secret: &str) -> Result<(), Rejection> {
        self.verify_with_key(&self.signing_key(secret))
    }

    /// As [`Presented::verify`], with a key that [`Presented::signing_key`] made: it is good for a
    /// day.
    ///
    /// # Errors
    /// [`Rejection::SignatureMismatch`].
    pub fn verify_with_key(&self, key: &SigningKey) -> Result<(), Rejection> {
        if key.signed(self.string_to_sign.as_bytes(), &self.signature) {
            return Ok(());
        }
        Err(Rejection::mismatch())
    }

    /// The key that `secret` gives for this date, Region and service.
    pub fn signing_key(&self, secret: &str) -> SigningKey {
        SigningKey::derive(secret, &self.date, &self.region, &self.service)
    }

    /// Does the work of [`Presented::verify`] for nothing. Call it when the key does not exist, so
    /// that the time of a refusal does not tell.
    pub fn burn(&self) {
        // The outcome is dropped on purpose; black_box keeps the work from being optimised away.
        let _ = std::hint::black_box(self.verify("a secret that nobody has, of forty letters"));
    }

    /// The request as it was signed, for tests and for finding out why a client's signature
    /// differs. It holds header values: never show it to the caller.
    pub fn canonical_request(&self) -> &str {
        &self.canonical_request
    }

    /// The text that the signature is over.
    pub fn string_to_sign(&self) -> &str {
        &self.string_to_sign
    }
}

/// Leaves out the token, the signature and the header values of the canonical request.
impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented")
            .field("access_key_id", &self.access_key_id)
            .field("date", &self.date)
            .field("region", &self.region)
            .field("service", &self.service)
            .field("presigned", &self.presigned)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
