//! Whether the bucket is there and may be used: one listing at the start, and for each way in which it can go wrong a
//! sentence that says what to do.

use http::{HeaderMap, Method, StatusCode};
use object_store::client::{HttpError, HttpErrorKind};

use super::{
    bucket::{Answer, Bucket, NoAnswer},
    fault::chain,
};
use crate::Unusable;

/// How often the store is asked before the start is given up.
const TRIES: usize = 3;

impl Bucket {
    /// Asks for a listing of nothing.
    pub(super) async fn check(&self) -> Result<(), Unusable> {
        let mut tries = 1;
        let answer = loop {
            let query = [("list-type", "2"), ("max-keys", "1")];
            let sent = self.send(Method::GET, "", &query, HeaderMap::new(), Default::default());
            match sent.await {
                Ok(answer) if answer.status.is_server_error() && tries < TRIES => tries += 1,
                Err(NoAnswer::Http(error)) if is_passing(&error) && tries < TRIES => tries += 1,
                Ok(answer) => break answer,
                Err(error) => return Err(self.unreachable(error)),
            }
        };
        if answer.status == StatusCode::OK && is_listing(&answer) {
            return Ok(());
        }
        let reason = match answer.code() {
            Some(code) => self.advice(code, &answer),
            None => not_s3(&answer),
        };
        let (endpoint, bucket) = (self.endpoint.clone(), self.name.clone());
        Err(Unusable::Refuses { endpoint, bucket, reason })
    }

    fn unreachable(&self, error: NoAnswer) -> Unusable {
        let said = chain(&error);
        let reason = match &error {
            NoAnswer::Credentials(_) => {
                return Unusable::Credentials(format!(
                    "neither the environment nor the shared credentials file nor a role gives any ({said})"
                ));
            }
            _ if said.contains("certificate") || said.contains("UnknownIssuer") => format!(
                "its certificate is not trusted; set the CA file to the PEM of the authority that issued it ({said})"
            ),
            // What rustls makes of an answer that is none of TLS.
            _ if said.contains("InvalidContentType") => {
                format!("it speaks no TLS there; begin blobs_endpoint with http:// ({said})")
            }
            _ if said.contains("lookup address") => {
                format!("there is no such host; check blobs_endpoint ({said})")
            }
            _ if said.contains("refused") => {
                format!("check the endpoint: nobody listens at this host and port ({said})")
            }
            _ => format!("check the endpoint, its scheme and its port ({said})"),
        };
        Unusable::Unreachable { endpoint: self.endpoint.clone(), reason }
    }

    /// What to do about S3's error codes.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>
    fn advice(&self, code: &str, answer: &Answer) -> String {
        let home = answer.headers.get("x-amz-bucket-region").and_then(|home| home.to_str().ok());
        let home = home.or_else(|| answer.member("Region"));
        let advice = match code {
            "NoSuchBucket" => "there is no such bucket; make it, as Wharf makes none".to_owned(),
            "AccessDenied" | "AllAccessDisabled" => "the credentials may not use it; allow \
                s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and s3:GetObject, \
                s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects"
                .to_owned(),
            // The second is versitygw's.
            "InvalidAccessKeyId" | "XAdminUserNotFound" => {
                "the access key is not known there; check whether the \
                credentials are those of this store and not, say, of Wharf itself"
                    .to_owned()
            }
            "SignatureDoesNotMatch" => {
                "the secret key is wrong, or something on the way changes the host or the path"
                    .to_owned()
            }
            "ExpiredToken" | "TokenRefreshRequired" => "the credentials have expired".to_owned(),
            "RequestTimeTooSkewed" => {
                "the clock of this machine and that of the store differ by too much".to_owned()
            }
            "AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "TemporaryRedirect"
            | "IllegalLocationConstraintException" => match home {
                Some(home) => format!("it is in another Region: set blobs_region to {home}"),
                None => {
                    "it is in another Region (blobs_region), or behind another endpoint".to_owned()
                }
            },
            _ => "it does not answer as it should".to_owned(),
        };
        format!("{advice} ({code}, status {})", answer.status.as_u16())
    }
}

/// Whether the next try may find what this one did not.
fn is_passing(error: &HttpError) -> bool {
    matches!(error.kind(), HttpErrorKind::Timeout | HttpErrorKind::Interrupted)
}

fn is_listing(answer: &Answer) -> bool {
    std::str::from_utf8(&answer.body).is_ok_and(|text| text.contains("<ListBucketResult"))
}

fn not_s3(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    // As nginx, and what is written in Go, answer plain HTTP on a port of TLS.
    if status == 400 && std::str::from_utf8(&answer.body).is_ok_and(|text| text.contains("HTTPS")) {
        return format!(
            "it speaks TLS there; begin blobs_endpoint with https:// (status {status})"
        );
    }
    match answer.headers.get("x-amz-bucket-region").and_then(|home| home.to_str().ok()) {
        Some(home) => {
            format!("it is in another Region: set blobs_region to {home} (status {status})")
        }
        None => format!(
            "what answers does not speak S3; check the endpoint, which must not be Wharf's own (status {status})"
        ),
    }
}
