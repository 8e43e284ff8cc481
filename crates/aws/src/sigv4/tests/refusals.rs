//! Each refusal in its words, and that nothing sent can bring the reader down.

use proptest::prelude::*;

use super::{CREDENTIAL, Draft};
use crate::sigv4::Rejection;

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your \
                        AWS Secret Access Key and signing method. Consult the service documentation for details.";

#[test]
fn each_refusal_in_its_words() {
    let malformed = |text: &str| Rejection::MalformedQueryString(text.into());
    let incomplete = |text: &str| Rejection::IncompleteSignature(text.into());
    let mismatch = |text: &str| Rejection::SignatureMismatch(text.into());
    let with_query = |query: &str| Draft { query: query.into(), ..Draft::in_header() };
    let table = [
        (with_query("a=%4"), malformed("Incomplete trailing escape % sequence")),
        (with_query("a=%zz&b"), malformed("Illegal hex character in escape % pattern: %zz")),
        (
            Draft { path: "/%0g".into(), ..Draft::in_header() },
            malformed("Illegal hex character in escape % pattern: %0g"),
        ),
        (Draft::in_header().without("authorization"), Rejection::MissingAuthenticationToken),
        (Draft::query_edited("AWS4-HMAC-SHA256", "AWS3"), Rejection::MissingAuthenticationToken),
        (with_query(&Draft::in_query().query), mismatch("")),
        (
            Draft::edited("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            incomplete("Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."),
        ),
        (
            Draft::in_header().authorized("Credential"),
            incomplete(
                "'Credential' not a valid key=value pair (missing equal-sign) in \
                 Authorization header (hashed with SHA-256 and encoded with Base64): \
                 'KfSoC26UaBDGXxo5AUFS45c1cmAbyLKDOxOTKcZYWt4='.",
            ),
        ),
        (
            Draft::in_header().without("x-amz-date").authorized("a=b"),
            incomplete(
                "Authorization header requires 'Credential' parameter. Authorization header \
                 requires 'Signature' parameter. Authorization header requires \
                 'SignedHeaders' parameter. Authorization header requires existence of either \
                 a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with \
                 Base64) Authorization=tQMSUCqjFonXdxKG2efiX/o+qpOi15V3d11zOi3G62w=",
            ),
        ),
        (
            Draft::query_edited("X-Amz-Date=", "X-Amz-Dat="),
            incomplete(
                "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the \
                 query-string parameters.",
            ),
        ),
        (
            Draft::query_edited("Expires=60", "Expires=604801"),
            incomplete(
                "'X-Amz-Expires' must be a number from 1 to 604800. Re-examine the \
                 query-string parameters.",
            ),
        ),
        (
            Draft::edited("host;", ""),
            mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
        ),
        (
            Draft::edited(";x-amz-date", ""),
            mismatch("'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization."),
        ),
        (
            Draft::in_header().with("x-amz-target", "t"),
            mismatch("'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."),
        ),
        (
            Draft::in_header().with("x-amz-security-token", "t"),
            mismatch("'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization."),
        ),
        (
            Draft::in_header().with("x-amz-date", "20260506T070809Z"),
            incomplete("The header 'x-amz-date' must not be repeated."),
        ),
        (
            Draft::dated("20260506T070809"),
            incomplete(
                "Date must be in ISO-8601 'basic format'. Got '20260506T070809'. See \
                 http://en.wikipedia.org/wiki/ISO_8601",
            ),
        ),
        (
            Draft::edited(CREDENTIAL, "AKIDEXAMPLE/20260506/iam/aws4_request"),
            incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got 'AKIDEXAMPLE/20260506/iam/aws4_request'",
            ),
        ),
        (
            Draft::edited(CREDENTIAL, "AKIDEXAMPLE/20260507/EU/sts/aws5_request"),
            mismatch(
                "Credential should be scoped to a valid region, not 'EU'. Credential should \
                 be scoped to correct service: 'iam'. Credential should be scoped with a \
                 valid terminator: 'aws4_request', not 'aws5_request'. Date in Credential \
                 scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '20260507' != '20260506', from '20260506T070809Z'.",
            ),
        ),
        (
            Draft::edited("x-amz-date,", "x-amz-content-sha256;x-amz-date,")
                .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            mismatch(MISMATCH),
        ),
        (
            Draft::edited("x-amz-date,", "x-amz-content-sha256;x-amz-date,")
                .with("x-amz-content-sha256", &"0".repeat(64)),
            mismatch(MISMATCH),
        ),
    ];
    for (draft, expected) in table {
        assert_eq!(draft.read().map(|_| ()), Err(expected));
    }
    assert!(Draft::in_header().read().is_ok());
    assert!(Draft::in_query().read().is_ok());
    assert_eq!(Draft::in_header().read().unwrap().verify("secret"), Err(mismatch(MISMATCH)));
}

#[test]
fn a_header_is_signed_once() {
    let long = "x".repeat(15_000);
    for names in ["x-long;".repeat(2_000), "x-long;X-Long;".to_owned()] {
        let draft = Draft::edited("x-amz-date,", &format!("x-amz-date;{names}z,"));
        let read = draft.with("x-long", &long).read();
        assert_eq!(read.map(|_| ()), Err(Rejection::SignatureMismatch(MISMATCH.into())));
    }
}

fn credentials() -> impl Strategy<Value = String> {
    let parts = [
        "Credential=",
        CREDENTIAL,
        "SignedHeaders=host;x-amz-date",
        "Signature=",
        ",",
        "=",
        " ",
        "/",
        ";",
        "é",
    ];
    let piece =
        prop_oneof![prop::sample::select(parts.to_vec()).prop_map(str::to_owned), any::<String>()];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_invented_is_read_as_genuine(header in credentials(), query in credentials(), date in any::<String>()) {
        let mut draft = Draft::in_header().without("x-amz-date");
        for (name, value) in [("authorization", format!("AWS4-HMAC-SHA256 {header}")), ("x-amz-date", date)] {
            if let Ok(value) = http::HeaderValue::from_str(&value) {
                draft.headers.insert(http::HeaderName::from_static(name), value);
            }
        }
        draft.query = query;
        prop_assert!(draft.read().and_then(|presented| presented.verify("secret")).is_err());
    }
}
