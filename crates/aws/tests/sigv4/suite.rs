//! AWS's public suite, both forms.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde::Deserialize;
use wharf_aws::sigv4::{self, Rejection};

#[derive(Deserialize)]
struct Suite {
    access_key_id: String,
    secret: String,
    region: String,
    service: String,
    now: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    form: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    string_to_sign: String,
    signature: String,
    #[serde(default)]
    token_added_after_signing: bool,
}

impl Case {
    fn headers(&self) -> HeaderMap {
        let pair = |(name, value): &(String, String)| {
            (
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        };
        self.headers.iter().map(pair).collect()
    }
}

#[test]
fn every_case_of_the_suite() {
    let suite: Suite = serde_json::from_str(include_str!("../data/sigv4.json")).unwrap();
    let now: Timestamp = suite.now.parse().unwrap();
    assert!(suite.cases.len() >= 60, "only {} cases", suite.cases.len());
    for case in &suite.cases {
        let name = format!("{} ({})", case.name, case.form);
        let headers = case.headers();
        let request = sigv4::Request {
            method: &case.method,
            path: &case.path,
            query: &case.query,
            headers: &headers,
            authority: None,
            body: case.body.as_bytes(),
        };
        let presented = sigv4::read(&request, &suite.service, now, sigv4::WINDOW);
        if case.token_added_after_signing {
            assert_token_refused(
                case,
                presented.and_then(|presented| presented.verify(&suite.secret)),
            );
            continue;
        }
        let presented = presented.unwrap_or_else(|rejection| panic!("{name}: {rejection}"));
        assert_eq!(
            presented.string_to_sign(),
            case.string_to_sign,
            "{name}: {}",
            presented.canonical_request()
        );
        assert_eq!(presented.verify(&suite.secret), Ok(()), "{name}");
        assert!(presented.verify("another secret").is_err(), "{name}");
        assert_eq!(presented.access_key_id, suite.access_key_id, "{name}");
        assert_eq!(presented.region, suite.region, "{name}");
        assert_eq!(presented.presigned, case.form == "query", "{name}");
        let all = format!("{:?} {}", case.headers, case.query);
        assert!(all.contains(&case.signature), "{name}: the case is not whole");
    }
}

/// A token that the signature does not cover could be swapped for another: we refuse what the
/// suite's two cases of it allow.
fn assert_token_refused(case: &Case, outcome: Result<(), Rejection>) {
    assert!(
        matches!(outcome, Err(Rejection::SignatureMismatch(_))),
        "{} ({}): {outcome:?}",
        case.name,
        case.form
    );
}
