//! What a request says about its signature, in the `Authorization` header or in the query string,
//! and the checks of it that need neither clock nor secret.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{ALGORITHM, Rejection, Request, TERMINATOR, clock};
use crate::escape;

/// The parts of a signature, present but not yet believed.
pub(super) struct Authorization {
    pub(super) credential: String,
    pub(super) signed_headers: String,
    pub(super) signature: String,
    /// The date as sent.
    pub(super) date: String,
    /// Whether the date is that of the `Date` header, which may be in RFC 1123's form.
    pub(super) date_header: bool,
    pub(super) session_token: Option<String>,
    /// How long a presigned request says it is valid; set for those only.
    pub(super) expires: Option<Duration>,
}

/// The longest `X-Amz-Expires`, a week.
const LONGEST: u64 = 7 * 24 * 60 * 60;

/// Signed when present: without them a signature would be good for another call. A content type
/// says nothing without a body, and some clients add one to a presigned `GET`.
const SIGNED_WHEN_PRESENT: [&str; 4] =
    ["Content-Type", "X-Amz-Content-Sha256", "X-Amz-Security-Token", "X-Amz-Target"];

impl Authorization {
    pub(super) fn of(request: &Request) -> Result<Self, Rejection> {
        let query = query_parameters(request.query);
        let header = single(request, "authorization")?;
        match (header, query.get("X-Amz-Algorithm")) {
            (None, None) => Err(Rejection::MissingAuthenticationToken),
            (Some(_), Some(_)) => Err(Rejection::SignatureMismatch(String::new())),
            (Some(header), None) => Self::from_header(request, &header),
            (None, Some(algorithm)) if algorithm == ALGORITHM => Self::from_query(query),
            (None, Some(_)) => Err(Rejection::MissingAuthenticationToken),
        }
    }

    pub(super) fn presigned(&self) -> bool {
        self.expires.is_some()
    }

    fn from_header(request: &Request, header: &str) -> Result<Self, Rejection> {
        let (algorithm, rest) = header.split_once(' ').unwrap_or((header, ""));
        if algorithm != ALGORITHM {
            return Err(Rejection::IncompleteSignature(format!(
                "Unsupported AWS 'algorithm': '{algorithm}'."
            )));
        }
        let mut parts = header_parts(header, rest)?;
        let amz_date = single(request, "x-amz-date")?;
        let date_header = amz_date.is_none();
        let date = if date_header { single(request, "date")? } else { amz_date };
        let found = (
            parts.remove("Credential"),
            parts.remove("Signature"),
            parts.remove("SignedHeaders"),
            date,
        );
        let (Some(credential), Some(signature), Some(signed_headers), Some(date)) = found else {
            return Err(missing_from_header(header, &found));
        };
        let session_token = single(request, "x-amz-security-token")?;
        Ok(Self {
            credential,
            signed_headers,
            signature,
            date,
            date_header,
            session_token,
            expires: None,
        })
    }

    fn from_query(mut query: BTreeMap<String, String>) -> Result<Self, Rejection> {
        let mut missing = Vec::new();
        let mut take = |name: &'static str| {
            query.remove(name).filter(|value| !value.is_empty()).unwrap_or_else(|| {
                missing.push(format!("AWS query-string parameters must include '{name}'."));
                String::new()
            })
        };
        let credential = take("X-Amz-Credential");
        let signature = take("X-Amz-Signature");
        let signed_headers = take("X-Amz-SignedHeaders");
        let date = take("X-Amz-Date");
        let expires = take("X-Amz-Expires");
        if !missing.is_empty() {
            return Err(reexamine(&missing.join(" ")));
        }
        let seconds = expires.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds));
        let seconds = seconds
            .ok_or_else(|| reexamine("'X-Amz-Expires' must be a number from 1 to 604800."))?;
        let expires = Some(Duration::from_secs(seconds));
        let session_token = query.remove("X-Amz-Security-Token");
        Ok(Self {
            credential,
            signed_headers,
            signature,
            date,
            date_header: false,
            session_token,
            expires,
        })
    }

    /// Whether the headers that must be signed are.
    pub(super) fn check_signed_headers(&self, request: &Request) -> Result<(), Rejection> {
        if !self.signs("host") {
            return Err(unsigned("'Host' or ':authority'"));
        }
        let date = if self.date_header { "Date" } else { "X-Amz-Date" };
        if !self.presigned() && !self.signs(date) {
            return Err(unsigned(&format!("'{date}'")));
        }
        let means_something = |name: &str| name != "Content-Type" || !request.body.is_empty();
        let present = |name: &&&str| request.headers.contains_key(**name) && means_something(name);
        match SIGNED_WHEN_PRESENT.iter().filter(present).find(|name| !self.signs(name)) {
            Some(name) => Err(unsigned(&format!("'{name}'"))),
            None => Ok(()),
        }
    }

    fn signs(&self, header: &str) -> bool {
        self.signed_headers.split(';').any(|signed| signed == header.to_ascii_lowercase())
    }
}

/// The `key=value` parts after the algorithm; of a repeated key the last one counts.
fn header_parts(header: &str, rest: &str) -> Result<BTreeMap<String, String>, Rejection> {
    let mut parts = BTreeMap::new();
    for part in rest.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((key, value)) = part.split_once('=') else {
            return Err(Rejection::IncompleteSignature(format!(
                "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header (hashed with \
                 SHA-256 and encoded with Base64): '{}'.",
                fingerprint(header)
            )));
        };
        parts.insert(key.trim_end().to_owned(), value.trim_start().to_owned());
    }
    Ok(parts)
}

type Found = (Option<String>, Option<String>, Option<String>, Option<String>);

fn missing_from_header(
    header: &str,
    (credential, signature, signed_headers, date): &Found,
) -> Rejection {
    let parameters =
        [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)];
    let mut text = String::new();
    for (name, _) in parameters.iter().filter(|(_, value)| value.is_none()) {
        text.push_str(&format!("Authorization header requires '{name}' parameter. "));
    }
    if date.is_none() {
        text.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    text.push_str("(Hashed with SHA-256 and encoded with Base64) Authorization=");
    text.push_str(&fingerprint(header));
    Rejection::IncompleteSignature(text)
}

/// Names a header in a refusal without echoing it.
fn fingerprint(header: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(header))
}

fn reexamine(missing: &str) -> Rejection {
    Rejection::IncompleteSignature(format!("{missing} Re-examine the query-string parameters."))
}

fn unsigned(header: &str) -> Rejection {
    Rejection::SignatureMismatch(format!(
        "{header} must be a 'SignedHeader' in the AWS Authorization."
    ))
}

/// Names and values of the query string, decoded; of a repeated name the last one counts. What is
/// not UTF-8 is no parameter of a signature.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = escape::pairs(query);
    pairs
        .filter_map(|(name, value)| {
            Some((String::from_utf8(name).ok()?, String::from_utf8(value).ok()?))
        })
        .collect()
}

/// The value of a header that must not be repeated: of two, the signature could cover one and we
/// read the other.
fn single(request: &Request, name: &str) -> Result<Option<String>, Rejection> {
    let mut values = request.headers.get_all(name).iter();
    let first =
        values.next().map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
    if values.next().is_some() {
        return Err(Rejection::IncompleteSignature(format!(
            "The header '{name}' must not be repeated."
        )));
    }
    Ok(first)
}

/// The five parts of a credential: the key and the scope that it signs for.
pub(super) struct Credential<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    service: &'a str,
    terminator: &'a str,
}

impl<'a> Credential<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Rejection> {
        let parts: Vec<_> = text.split('/').collect();
        let [access_key_id, date, region, service, terminator] = parts[..] else {
            return Err(Rejection::IncompleteSignature(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '{text}'"
            )));
        };
        Ok(Self { access_key_id, date, region, service, terminator })
    }

    /// Whether the scope is for `service` and the day of the request; all that is wrong is said at
    /// once.
    pub(super) fn check(
        &self,
        service: &str,
        sent_date: &str,
        date: Timestamp,
    ) -> Result<(), Rejection> {
        let mut wrong = Vec::new();
        if !is_region(self.region) {
            wrong.push(format!(
                "Credential should be scoped to a valid region, not '{}'.",
                self.region
            ));
        }
        if self.service != service {
            wrong.push(format!("Credential should be scoped to correct service: '{service}'."));
        }
        if self.terminator != TERMINATOR {
            let found = self.terminator;
            wrong.push(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{found}'."
            ));
        }
        let day = &clock::basic(date)[..8];
        if self.date != day {
            wrong.push(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
                 '{day}', from '{sent_date}'.",
                self.date
            ));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Rejection::SignatureMismatch(wrong.join(" "))) }
    }
}

/// The syntax of AWS's Region names.
fn is_region(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=25).contains(&text.len()) && text.bytes().all(allowed)
}
