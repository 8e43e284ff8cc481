//! No bit of a signed request can change: method, path, query, each header with its name, body.
//! Scope, date and signature lie in those.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use wharf_aws::sigv4::{self, Presented};

use crate::{KEY, SECRET, Wire, signed};

/// A request whose every part can be changed.
#[derive(Clone)]
struct Loose {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Loose {
    fn of(wire: &Wire) -> Self {
        let headers = wire.headers().iter();
        Self {
            method: wire.method().to_string(),
            path: wire.uri().path().to_owned(),
            query: wire.uri().query().unwrap_or_default().to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
                .collect(),
            body: wire.body().clone(),
        }
    }

    /// `None` when the headers are such that no HTTP parser lets them through.
    fn accepted(&self, now: Timestamp) -> Option<bool> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_bytes(value).ok()?,
            );
        }
        let request = sigv4::Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            authority: None,
            body: &self.body,
        };
        let outcome = sigv4::read(&request, "ecr", now, sigv4::WINDOW);
        // Of the credential the key's name alone is not signed: another name is another key's
        // secret.
        let proven = |found: Presented| found.access_key_id == KEY && found.verify(SECRET).is_ok();
        Some(outcome.is_ok_and(proven))
    }
}

/// Each value of `bytes` with one bit changed.
fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(move |bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

fn text_flips(text: &str) -> impl Iterator<Item = String> {
    flips(text.as_bytes()).filter_map(|bytes| String::from_utf8(bytes).ok())
}

/// All requests that differ from `request` in one bit, and do differ in meaning.
fn neighbours(request: &Loose) -> Vec<(String, Loose)> {
    let mut all = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Loose)| {
        let mut changed = request.clone();
        change(&mut changed);
        all.push((what, changed));
    };
    text_flips(&request.method)
        .for_each(|method| add(format!("method {method:?}"), &|r| r.method = method.clone()));
    text_flips(&request.path)
        .for_each(|path| add(format!("path {path:?}"), &|r| r.path = path.clone()));
    // `%2f` and `%2F` are the same escape.
    let other = |query: &String| {
        !query.eq_ignore_ascii_case(&request.query) || decoded(query) != decoded(&request.query)
    };
    text_flips(&request.query)
        .filter(other)
        .for_each(|query| add(format!("query {query:?}"), &|r| r.query = query.clone()));
    flips(&request.body).for_each(|body| add(format!("body {body:?}"), &|r| r.body = body.clone()));
    for (index, (name, value)) in request.headers.iter().enumerate() {
        let renamed = text_flips(name).filter(|flipped| !flipped.eq_ignore_ascii_case(name));
        renamed.for_each(|flipped| {
            add(format!("name {flipped:?}"), &|r| r.headers[index].0 = flipped.clone())
        });
        flips(value).for_each(|flipped| {
            add(format!("{name}: {flipped:?}"), &|r| r.headers[index].1 = flipped.clone())
        });
    }
    all
}

fn decoded(query: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(query).collect()
}

fn assert_no_bit_can_change(wire: Wire, presigned: bool, token: &str) {
    let now: Timestamp = "2026-05-06T07:08:09Z".parse().unwrap();
    let request = Loose::of(&signed(wire, "ecr", "eu-west-1", Some(token), presigned, now));
    assert_eq!(request.accepted(now), Some(true), "the request itself must pass");
    let neighbours = neighbours(&request);
    assert!(neighbours.len() > 1000);
    for (what, neighbour) in neighbours {
        assert_ne!(neighbour.accepted(now), Some(true), "{what}");
    }
}

#[test]
fn of_a_request_with_its_signature_in_the_header() {
    let wire = http::Request::post("https://api.ecr.eu-west-1.example.com/")
        .header("host", "api.ecr.eu-west-1.example.com")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.BatchDeleteImage")
        .body(br#"{"repositoryName":"a/b","imageIds":[{"imageTag":"1"}]}"#.to_vec());
    assert_no_bit_can_change(wire.unwrap(), false, "IQoJb3JpZ2luX2VjE/+==");
}

#[test]
fn of_a_presigned_request() {
    let wire = http::Request::get(
        "https://sts.example.com/x/y?Action=GetCallerIdentity&Version=2011-06-15&z=%C3%A9",
    )
    .header("host", "sts.example.com")
    .header("x-k8s-aws-id", "cluster one")
    .body(Vec::new());
    assert_no_bit_can_change(wire.unwrap(), true, "IQoJb3JpZ2luX2VjE/+==");
}
