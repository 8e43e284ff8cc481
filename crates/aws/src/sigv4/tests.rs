//! The wording and order of refusals, the clock, and the corners of the canonical request. The
//! signature itself is proven in `tests/sigv4/`.

mod refusals;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};

use super::{Presented, Protocol, Rejection, Request, WINDOW, read};

const NOW: &str = "2026-05-06T07:08:09Z";
const CREDENTIAL: &str = "AKIDEXAMPLE/20260506/eu-west-1/iam/aws4_request";

/// A request that is read without complaint; `with` and `without` break it.
#[derive(Clone)]
struct Draft {
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Draft {
    fn in_header() -> Self {
        let draft = Self {
            path: "/".into(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        draft.with("host", "iam.example.com").with("x-amz-date", "20260506T070809Z").authorized(
            &format!(
                "Credential={CREDENTIAL}, SignedHeaders=host;x-amz-date, Signature={}",
                "0".repeat(64)
            ),
        )
    }

    fn in_query() -> Self {
        let credential = CREDENTIAL.replace('/', "%2F");
        let mut draft = Self::in_header().without("authorization").without("x-amz-date");
        draft.query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date=20260506T070809Z\
             &X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
        );
        draft
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    fn authorized(self, parts: &str) -> Self {
        self.without("authorization").with("authorization", &format!("AWS4-HMAC-SHA256 {parts}"))
    }

    /// The header form with `from` replaced by `to` in the Authorization header.
    fn edited(from: &str, to: &str) -> Self {
        let draft = Self::in_header();
        let header = draft.headers["authorization"].to_str().unwrap().replace(from, to);
        draft.without("authorization").with("authorization", &header)
    }

    fn dated(date: &str) -> Self {
        Self::in_header().without("x-amz-date").with("x-amz-date", date)
    }

    fn query_edited(from: &str, to: &str) -> Self {
        let mut draft = Self::in_query();
        draft.query = draft.query.replace(from, to);
        draft
    }

    fn read(&self) -> Result<Presented, Rejection> {
        self.read_at(NOW.parse().unwrap(), WINDOW)
    }

    fn read_at(&self, now: Timestamp, window: Duration) -> Result<Presented, Rejection> {
        let request = Request {
            method: "GET",
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            authority: None,
            body: &self.body,
        };
        read(&request, "iam", now, window)
    }
}

#[test]
fn the_clock_may_differ_by_the_window_and_no_more() {
    let signed_at: Timestamp = NOW.parse().unwrap();
    let expired = "Signature expired: 20260506T070809Z is now earlier than 20260506T070810Z (20260506T072310Z - 15 min.)";
    let early = "Signature not yet current: 20260506T070809Z is still later than 20260506T070808Z (20260506T065308Z + 15 min.)";
    // Seconds that our clock is ahead of the request's date.
    let table = [
        (901, Some(expired)),
        (900, None),
        (899, None),
        (0, None),
        (-899, None),
        (-900, None),
        (-901, Some(early)),
    ];
    for (ahead, refusal) in table {
        let outcome =
            Draft::in_header().read_at(signed_at + SignedDuration::from_secs(ahead), WINDOW);
        let expected =
            refusal.map_or(Ok(()), |text| Err(Rejection::SignatureMismatch(text.to_owned())));
        assert_eq!(outcome.map(|_| ()), expected, "{ahead}");
    }
    let outcome = Draft::in_header()
        .read_at(signed_at + SignedDuration::from_secs(91), Duration::from_secs(90));
    assert!(outcome.unwrap_err().to_string().ends_with("(20260506T070940Z - 90 sec.)"));
}

#[test]
fn a_presigned_request_lasts_as_long_as_it_says_and_no_longer_than_the_window() {
    let signed_at: Timestamp = NOW.parse().unwrap();
    let valid = |expires: &str, ahead: i64| {
        let draft = Draft::query_edited("Expires=60", &format!("Expires={expires}"));
        draft.read_at(signed_at + SignedDuration::from_secs(ahead), WINDOW).is_ok()
    };
    assert!(valid("60", 60) && !valid("60", 61));
    assert!(valid("604800", 900) && !valid("604800", 901));
    assert!(valid("60", -900) && !valid("60", -901));
    assert!(!valid("0", 0) && !valid("-1", 0) && !valid("x", 0));
}

#[test]
fn three_spellings_of_the_date_mean_the_same() {
    let basic = Draft::in_header().read().unwrap();
    let by_date_header = |value: &str| {
        let draft =
            Draft::edited("host;x-amz-date", "date;host").without("x-amz-date").with("date", value);
        draft.read().map(|presented| presented.string_to_sign().to_owned())
    };
    let second_line = |text: &str| text.lines().nth(1).unwrap().to_owned();
    let extended = Draft::dated("2026-05-06T07:08:09Z").read().unwrap();
    assert_eq!(second_line(basic.string_to_sign()), "20260506T070809Z");
    assert_eq!(second_line(extended.string_to_sign()), "20260506T070809Z");
    assert_eq!(
        second_line(&by_date_header("Wed, 06 May 2026 07:08:09 GMT").unwrap()),
        "20260506T070809Z"
    );
    assert!(by_date_header("yesterday").is_err());
    for wrong in [
        "20260532T070809Z",
        "20260506t070809z",
        "2026-05-06 07:08:09Z",
        "20260506T250809Z",
        "",
        "é",
    ] {
        assert!(Draft::dated(wrong).read().is_err(), "{wrong}");
    }
}

#[test]
fn paths_are_resolved_and_escaped_once_more() {
    let table = [
        ("", "/"),
        ("/", "/"),
        ("//a///b/", "/a/b/"),
        ("/a/./b/.", "/a/b/"),
        ("/a/../../b/..", "/"),
        ("/a b%20c", "/a%20b%2520c"),
        ("/test/@connections/JBDvjfGEIAMCERw%3D", "/test/%40connections/JBDvjfGEIAMCERw%253D"),
    ];
    for (path, canonical) in table {
        let presented = Draft { path: path.into(), ..Draft::in_header() }.read().unwrap();
        assert_eq!(presented.canonical_request().lines().nth(1), Some(canonical), "{path}");
    }
}

#[test]
fn the_authority_of_http2_stands_in_for_the_host_header() {
    let draft = Draft::in_header().without("host");
    let request = Request {
        method: "GET",
        path: "/",
        query: "",
        headers: &draft.headers,
        authority: Some("iam.example.com"),
        body: b"",
    };
    let by_authority = read(&request, "iam", NOW.parse().unwrap(), WINDOW).unwrap();
    assert_eq!(
        by_authority.canonical_request(),
        Draft::in_header().read().unwrap().canonical_request()
    );
}

#[test]
fn codes_per_protocol() {
    let text = || "text".to_owned();
    let table = [
        (
            Rejection::MissingAuthenticationToken,
            ("MissingAuthenticationToken", 403),
            "MissingAuthenticationTokenException",
        ),
        (
            Rejection::IncompleteSignature(text()),
            ("IncompleteSignature", 400),
            "IncompleteSignatureException",
        ),
        (
            Rejection::SignatureMismatch(text()),
            ("SignatureDoesNotMatch", 403),
            "InvalidSignatureException",
        ),
        (Rejection::InvalidToken, ("InvalidClientTokenId", 403), "UnrecognizedClientException"),
        (Rejection::ExpiredToken, ("ExpiredToken", 403), "ExpiredTokenException"),
        (
            Rejection::MalformedQueryString(text()),
            ("MalformedQueryString", 400),
            "MalformedQueryString",
        ),
    ];
    for (rejection, query, json) in table {
        assert_eq!(rejection.code(Protocol::Query), query);
        assert_eq!(rejection.code(Protocol::Json), (json, 400));
    }
}

#[test]
fn debug_output_holds_no_secret() {
    let draft = Draft::edited("x-amz-date,", "x-amz-date;x-amz-security-token,")
        .with("x-amz-security-token", "TOKEN");
    let presented = draft.read().unwrap();
    assert_eq!(presented.session_token.as_deref(), Some("TOKEN"));
    let shown = format!("{presented:?} {:?}", presented.signing_key("SECRET"));
    assert!(
        !shown.contains("TOKEN") && !shown.contains("SECRET") && !shown.contains("000000"),
        "{shown}"
    );
    presented.burn();
}
