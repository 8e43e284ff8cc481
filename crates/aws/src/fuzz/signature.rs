//! Two requests and one signature: the first is signed, the second carries the same signature and
//! must mean the same if it is let through.

use http::{HeaderMap, HeaderName, HeaderValue, Method, uri::PathAndQuery};
use jiff::Timestamp;

use crate::{
    escape,
    sigv4::{self, Presented},
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SERVICE: &str = "iam";
/// The clock: 2026-05-06T07:08:09Z.
const NOW: i64 = 1_778_051_289;
/// Stands where the signature goes, as long as one is.
const PLACE: &str = "SIGNATURESIGNATURESIGNATURESIGNATURESIGNATURESIGNATURESIGNATURES";
/// Stands between the first request and the second.
const AND: &[u8] = b"\n====\n";
/// What the edges read of a request beside its target and body.
const READ: [&str; 5] =
    ["host", "content-type", "x-amz-date", "x-amz-security-token", "x-amz-target"];

/// Takes `bytes` for two requests to IAM with a line of `=` between them, or for one that is both.
/// Each is a line `GET /path?query`, headers, an empty line, a body. If the first is well-formed it
/// is signed; its signature goes into the place of [`PLACE`] in both. Nothing may panic, what was
/// signed must verify, and what verifies must mean what was signed.
///
/// # Panics
/// If there is an error in this crate.
pub fn signature_bytes(bytes: &[u8]) {
    let cut = bytes.windows(AND.len()).position(|window| window == AND);
    let (first, second) =
        cut.map_or((bytes, bytes), |cut| (&bytes[..cut], &bytes[cut + AND.len()..]));
    let unsigned = [first, second].map(|text| Request::of(text).map(|it| (it.present(), it)));
    for (presented, _) in unsigned.iter().flatten() {
        let forged = presented.as_ref().is_some_and(|it| it.verify(SECRET).is_ok());
        assert!(!forged, "nobody made this signature");
    }
    let [Some((Some(presented), _)), _] = unsigned else { return };
    let key = presented.signing_key(SECRET);
    let signature = key.sign(presented.string_to_sign().as_bytes());
    let in_place = presented.signature == PLACE && occurs_once(first);
    let [first, second] = [first, second].map(|text| Verified::of(&placed(text, &signature)));
    assert!(first.is_some() || !in_place, "what was signed does not verify");
    if let (Some(first), Some(second)) = (first, second) {
        assert_eq!(first, second, "one signature is good for two requests");
    }
}

/// A request that an HTTP parser lets through.
struct Request {
    method: Method,
    target: PathAndQuery,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Request {
    fn of(text: &[u8]) -> Option<Self> {
        let end = text.windows(2).position(|window| window == b"\n\n");
        let (head, body) = end.map_or((text, &[][..]), |end| (&text[..end], &text[end + 2..]));
        let mut lines = head.split(|byte| *byte == b'\n');
        let line = lines.next()?;
        let space = line.iter().position(|byte| *byte == b' ')?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
            headers.try_append(name, value).ok()?;
        }
        Some(Self {
            method: Method::from_bytes(&line[..space]).ok()?,
            target: PathAndQuery::try_from(&line[space + 1..]).ok()?,
            headers,
            body: body.to_vec(),
        })
    }

    fn present(&self) -> Option<Presented> {
        let request = sigv4::Request {
            method: self.method.as_str(),
            path: self.target.path(),
            query: self.query(),
            headers: &self.headers,
            authority: None,
            body: &self.body,
        };
        let now = Timestamp::from_second(NOW).ok()?;
        sigv4::read(&request, SERVICE, now, sigv4::WINDOW).ok()
    }

    fn query(&self) -> &str {
        self.target.query().unwrap_or_default()
    }

    /// The segments of the path without those that lead nowhere.
    fn segments(&self) -> Vec<String> {
        let mut segments = Vec::new();
        for segment in self.target.path().split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(segments.pop()),
                other => segments.push(other.to_owned()),
            }
        }
        segments
    }

    /// What it asks for besides the signature, in an order of its own.
    fn pairs(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let pairs = escape::pairs(self.query());
        let mut pairs: Vec<_> = pairs.filter(|(name, _)| name != b"X-Amz-Signature").collect();
        pairs.sort();
        pairs
    }

    /// The words of the headers that mean something. The type of no content means nothing.
    fn words(&self) -> Vec<(&'static str, Vec<String>)> {
        let means_something = |name: &&str| *name != "content-type" || !self.body.is_empty();
        let words = |name| {
            let values = self.headers.get_all(name).iter();
            let texts = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            let text = texts.collect::<Vec<_>>().join(",");
            let words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
            words.map(str::to_owned).collect()
        };
        READ.into_iter().filter(means_something).map(|name| (name, words(name))).collect()
    }
}

/// What a request that verifies means to those behind the edge.
#[derive(PartialEq, Debug)]
struct Verified {
    method: Method,
    segments: Vec<String>,
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    words: Vec<(&'static str, Vec<String>)>,
    body: Vec<u8>,
    scope: [String; 3],
    session_token: Option<String>,
    presigned: bool,
}

impl Verified {
    fn of(text: &[u8]) -> Option<Self> {
        let request = Request::of(text)?;
        let presented = request.present().filter(|it| it.verify(SECRET).is_ok())?;
        Some(Self {
            segments: request.segments(),
            pairs: request.pairs(),
            words: request.words(),
            method: request.method,
            body: request.body,
            scope: [presented.date, presented.region, presented.service],
            session_token: presented.session_token,
            presigned: presented.presigned,
        })
    }
}

fn occurs_once(text: &[u8]) -> bool {
    text.windows(PLACE.len()).filter(|window| *window == PLACE.as_bytes()).count() == 1
}

/// `text` with the signature where its place is first.
fn placed(text: &[u8], signature: &str) -> Vec<u8> {
    let mut placed = text.to_vec();
    let place = text.windows(PLACE.len()).position(|window| window == PLACE.as_bytes());
    if let Some(place) = place {
        placed[place..place + PLACE.len()].copy_from_slice(signature.as_bytes());
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seed that is well-formed, and whether its second request is as good as the first.
    macro_rules! seed {
        ($name:literal, $same:literal) => {
            (include_bytes!(concat!("../../../../fuzz/seeds/signature/", $name)).as_slice(), $same)
        };
    }

    #[test]
    fn the_seeds_are_signed_and_only_the_same_request_verifies() {
        for (seed, same) in [
            seed!("post", true),
            seed!("get", true),
            seed!("session", true),
            seed!("rfc1123-date", true),
            seed!("claimed-hash", true),
            seed!("blanks", true),
            seed!("presigned", true),
            seed!("other-spelling", true),
            seed!("changed-body", false),
            seed!("changed-header", false),
            seed!("added-header", false),
            seed!("second-date", false),
            seed!("presigned-changed", false),
        ] {
            signature_bytes(seed);
            let cut = seed.windows(AND.len()).position(|window| window == AND);
            let (first, second) =
                cut.map_or((seed, seed), |cut| (&seed[..cut], &seed[cut + AND.len()..]));
            let presented = Request::of(first).unwrap().present().unwrap();
            let key = presented.signing_key(SECRET);
            let signature = key.sign(presented.string_to_sign().as_bytes());
            let [first, second] =
                [first, second].map(|text| Verified::of(&placed(text, &signature)));
            assert!(first.is_some());
            assert_eq!(second.is_some(), same, "{}", String::from_utf8_lossy(seed));
        }
    }

    #[test]
    fn a_request_means_what_the_edges_read() {
        let of = |text: &str| {
            let request = Request::of(text.as_bytes()).unwrap();
            (request.segments(), request.pairs(), request.words())
        };
        let plain = of("GET /a/b?x=1&y=%20\nhost: h");
        assert_eq!(
            plain,
            of("GET //a/c/.././b/?y=+&x=1&X-Amz-Signature=0\nHost:  h \ncontent-type: t")
        );
        for other in [
            "GET /a?x=1&y=%20\nhost: h",
            "GET /a/b?x=1&x=1&y=%20\nhost: h",
            "GET /a/b?x=1&y=%20\nhost: i",
            "GET /a/b?x=1&y=%20\nhost: h\nx-amz-target: t",
            "GET /a/b?x=1&y=%20\nhost: h\ncontent-type: t\n\nbody",
        ] {
            assert_ne!(plain, of(other), "{other}");
        }
    }
}
