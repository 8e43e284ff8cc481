//! The canonical request: the one text that client and server must agree on byte for byte.

use std::{collections::HashSet, fmt::Write};

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::{Rejection, Request, authorization::Authorization};
use crate::escape;

/// Refuses paths and query strings with a `%` that is not an escape, and paths without a leading
/// slash, which would have the same canonical form as those with one.
pub(super) fn check_target(request: &Request) -> Result<(), Rejection> {
    let malformed = |text: String| Err(Rejection::MalformedQueryString(text));
    if let Err(found) = escape::check(request.path).and_then(|()| escape::check(request.query)) {
        return malformed(found.to_string());
    }
    if !request.path.is_empty() && !request.path.starts_with('/') {
        return malformed("The path must begin with a slash".to_owned());
    }
    Ok(())
}

/// The text whose hash is signed.
///
/// # Errors
/// When the request claims another hash of its body than the one it has, or something else than a
/// hash: an unsigned body could be changed on its way.
pub(super) fn request(
    request: &Request,
    authorization: &Authorization,
) -> Result<String, Rejection> {
    let body = sha256_hex(request.body);
    let mut claims = request.headers.get_all("x-amz-content-sha256").iter();
    if !claims.all(|claim| claim.as_bytes() == body.as_bytes()) {
        return Err(Rejection::mismatch());
    }
    Ok(format!(
        "{}\n{}\n{}\n{}\n{}\n{body}",
        request.method,
        uri(request.path),
        query(request.query),
        headers(request, &authorization.signed_headers)?,
        authorization.signed_headers,
    ))
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
    text
}

/// Resolves `.`, `..` and repeated slashes, then escapes each segment once more.
fn uri(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let is_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    let mut text = String::with_capacity(path.len() + 1);
    for segment in &segments {
        write!(text, "/{}", escape::encode(segment.as_bytes()))
            .expect("writing to a String cannot fail");
    }
    if segments.is_empty() || is_folder {
        text.push('/');
    }
    text
}

/// All pairs but the signature itself, escaped anew and sorted.
fn query(query: &str) -> String {
    let pairs = escape::pairs(query).filter(|(name, _)| name != b"X-Amz-Signature");
    let mut pairs: Vec<_> = pairs
        .map(|(name, value)| {
            (escape::encode(&name).to_string(), escape::encode(&value).to_string())
        })
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// A line for each signed header. One that is not there gets an empty value, so that the signature
/// fails. No client names one twice, and a long header named a thousand times would fill the memory
/// before anything is proven.
fn headers(request: &Request, signed: &str) -> Result<String, Rejection> {
    let mut text = String::new();
    let mut seen = HashSet::new();
    for name in signed.split(';') {
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(Rejection::mismatch());
        }
        let value = match request.authority {
            Some(authority) if name == "host" => authority.to_owned(),
            _ => header_value(request.headers, name)?,
        };
        writeln!(text, "{name}:{value}").expect("writing to a String cannot fail");
    }
    Ok(text)
}

/// Values in order of arrival, blanks trimmed and runs of them made one. Bytes outside UTF-8, which
/// no client signs, are a mismatch.
fn header_value(headers: &HeaderMap, name: &str) -> Result<String, Rejection> {
    let values = headers.get_all(name).iter().map(|value| {
        let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Rejection::mismatch())?;
        Ok(text.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    });
    Ok(values.collect::<Result<Vec<_>, _>>()?.join(","))
}
