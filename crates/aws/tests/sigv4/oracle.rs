//! Whatever AWS's signer signs, we verify.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use crate::{KEY, SECRET, Wire, read, signed};

#[derive(Debug, Clone)]
struct Call {
    wire: Wire,
    service: &'static str,
    region: String,
    token: Option<String>,
    presigned: bool,
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn uri() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        4 => any::<String>().prop_map(|text| escaped(&text)),
        1 => Just(".".to_owned()),
        1 => Just("..".to_owned()),
        1 => "[a-z@:~_-]{1,8}",
    ];
    let path = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(segment, 0..5)];
    let query = prop::collection::vec(
        (any::<String>(), prop_oneof!["[a-zA-Z0-9._~-]{0,9}", any::<String>()]),
        0..4,
    );
    (path, query).prop_map(|(path, query)| {
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("n{}={}", escaped(name), escaped(value)))
            .collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("https://api.example.com:5080/{}{mark}{}", path.join("/"), query.join("&"))
    })
}

/// Header values have no tabs: AWS's signers do not agree on whether they are blanks (botocore's
/// says yes, as we do; this one says no).
fn call() -> impl Strategy<Value = Call> {
    let method = prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "HEAD"]);
    let service = prop::sample::select(vec!["ecr", "iam", "sts"]);
    let headers = prop::collection::vec(("x-[a-z]{1,6}", "[ -~]{0,20}"), 0..4);
    let token = prop::option::of("[A-Za-z0-9/+=]{1,60}");
    let body = prop::collection::vec(any::<u8>(), 0..200);
    (method, uri(), headers, body, service, "[a-z]{2}-[a-z]{4,9}-[1-9]", token, any::<bool>())
        .prop_map(|(method, uri, headers, body, service, region, token, presigned)| {
            let mut request = http::Request::builder()
                .method(method)
                .uri(uri)
                .header("host", "api.example.com:5080");
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let wire =
                request.header("content-type", "application/x-amz-json-1.1").body(body).unwrap();
            Call { wire, service, region, token, presigned }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn what_aws_signs_we_verify(call in call(), second in 1_500_000_000i64..2_000_000_000) {
        let time = Timestamp::from_second(second).unwrap();
        let wire = signed(call.wire, call.service, &call.region, call.token.as_deref(), call.presigned, time);
        let presented = read(&wire, call.service, time).unwrap();
        prop_assert_eq!(presented.verify(SECRET), Ok(()), "{}", presented.canonical_request());
        prop_assert_eq!(presented.verify_with_key(&presented.signing_key(SECRET)), Ok(()));
        prop_assert!(presented.verify("another secret").is_err());
        prop_assert_eq!(presented.access_key_id, KEY);
        prop_assert_eq!(presented.region, call.region);
        prop_assert_eq!(presented.session_token, call.token);
        prop_assert_eq!(presented.presigned, call.presigned);
    }
}
