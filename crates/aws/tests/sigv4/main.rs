//! Signature Version 4 as a whole: AWS's public suite, AWS's own signer as the oracle, and the
//! proof that no bit of a signed request can change. The wording of refusals is tested beside the
//! code.

#![allow(clippy::unwrap_used)]

mod bits;
mod oracle;
mod suite;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4::SigningParams,
};
use jiff::Timestamp;
use wharf_aws::sigv4::{self, Presented, Rejection};

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A request as it is on the wire.
type Wire = http::Request<Vec<u8>>;

/// Signs with AWS's signer: in the headers, or in the query string with a validity of ten minutes.
fn signed(
    mut wire: Wire,
    service: &str,
    region: &str,
    token: Option<&str>,
    presigned: bool,
    time: Timestamp,
) -> Wire {
    let identity = Credentials::new(KEY, SECRET, token.map(str::to_owned), None, "test").into();
    let mut settings = SigningSettings::default();
    if presigned {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(600));
    }
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::from(time))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = wire.uri().to_string();
    let headers =
        wire.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let request = SignableRequest::new(
        wire.method().as_str(),
        &uri,
        headers,
        SignableBody::Bytes(wire.body()),
    )
    .unwrap();
    let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut wire);
    wire
}

fn read(wire: &Wire, service: &str, now: Timestamp) -> Result<Presented, Rejection> {
    let request = sigv4::Request {
        method: wire.method().as_str(),
        path: wire.uri().path(),
        query: wire.uri().query().unwrap_or_default(),
        headers: wire.headers(),
        authority: None,
        body: wire.body(),
    };
    sigv4::read(&request, service, now, sigv4::WINDOW)
}
