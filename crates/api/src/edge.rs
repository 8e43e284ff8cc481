//! The edge: from an HTTP request to the operation and back. The order is the defence: what is
//! asked for, who asks (with the body under the signature), whether the input is one that the model
//! allows, whether the caller may; only then anything is looked up.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use wharf_aws::sigv4::{self, Rejection};
use wharf_aws::{Model, json};
use wharf_identity::{AccessKey, Identity, SessionFault};
use wharf_policy::{Caller, Kind, Origin, Region, Requester, Source, Trail};
use wharf_registry::Registry;

use crate::table::{ECR, Entry};
use crate::{Answer, Endpoint, Refusal, Told, parameters};

/// The API of a deployment: cheap to clone, shared by the process.
#[derive(Clone)]
pub struct Api {
    pub registry: Registry,
    pub identity: Identity,
    pub endpoint: Arc<Endpoint>,
    /// Whether there is an audit trail that wants to know of calls.
    pub audited: bool,
    /// How far a signature's time may be from ours.
    pub clock_skew: Duration,
}

/// Who signed, and for which Region.
pub(crate) struct Signed {
    pub(crate) requester: Requester,
    pub(crate) region: Region,
}

/// What most inputs may have, in bytes.
const SMALL_BODY: usize = 1024 * 1024;

/// The most bytes that the request's body may have: 1 MiB, more for the two operations that carry
/// content (a manifest of 4 MiB as an escaped JSON string; a part of 20 MiB in Base64).
#[must_use]
pub fn body_limit(parts: &Parts) -> usize {
    match json::operation(Model::ecr(), target(parts)).map(|operation| operation.name.as_str()) {
        Ok("PutImage") => 26 * 1024 * 1024,
        Ok("UploadLayerPart") => 29 * 1024 * 1024,
        _ => SMALL_BODY,
    }
}

impl Api {
    /// Answers a request to ECR's JSON API.
    pub async fn ecr(&self, parts: &Parts, body: &[u8], request_id: &str) -> Answer {
        let mut answer = Answer {
            status: 200,
            content_type: json::CONTENT_TYPE,
            body: Vec::new(),
            told: Told { service: "ecr", ..Told::default() },
        };
        match self.run(parts, body, &mut answer.told).await {
            Ok(body) => answer.body = body,
            Err(refusal) => {
                if let Refusal::Registry(error) = &refusal
                    && error.is_fault()
                {
                    let cause = std::error::Error::source(error).map(ToString::to_string);
                    tracing::error!(request_id, %error, cause, "the request failed");
                }
                answer.status = refusal.status();
                let message = refusal.to_string();
                answer.body = json::error_body(refusal.code(), &message, &refusal.extra());
                answer.told.error = Some((refusal.code().to_owned(), message));
            }
        }
        answer
    }

    /// Whether a request whose body is large is worth reading it: its operation is served, its
    /// signature is well-formed and in time, and its key exists. The signature itself can only be
    /// verified with the body. The answer to give if not.
    pub async fn admit(&self, parts: &Parts, request_id: &str) -> Result<(), Answer> {
        let known = json::operation(Model::ecr(), target(parts)).is_ok();
        // A claimed hash cannot be compared without the body.
        let mut headers = parts.headers.clone();
        headers.remove("x-amz-content-sha256");
        let request = sigv4::Request { headers: &headers, ..request(parts, b"") };
        let admitted = match self.present(&request, "ecr") {
            Ok(presented) if known => self.key(&presented).await.is_ok(),
            _ => false,
        };
        // Refused in the very words that it would be refused in with its body.
        if admitted { Ok(()) } else { Err(self.ecr(parts, b"{}", request_id).await) }
    }

    fn present(
        &self,
        request: &sigv4::Request<'_>,
        service: &str,
    ) -> Result<sigv4::Presented, Refusal> {
        let now = jiff::Timestamp::from_millisecond(self.registry.now())
            .map_err(wharf_registry::Error::fault)?;
        Ok(sigv4::read(request, service, now, self.clock_skew)?)
    }

    async fn run(&self, parts: &Parts, body: &[u8], told: &mut Told) -> Result<Vec<u8>, Refusal> {
        let model = Model::ecr();
        let operation =
            json::operation(model, target(parts)).map_err(|_| Refusal::UnknownOperation)?;
        let Signed { requester, region } = self.authenticate(parts, body, "ecr").await?;
        told.requester = Some(requester.clone());
        told.operation = Some(operation.name.as_str());
        let Some(Entry { run, .. }) = ECR.iter().find(|entry| entry.name == operation.name) else {
            return Err(Refusal::NotServed(operation.name.as_str()));
        };
        let limit = body_limit(parts);
        if body.len() > limit {
            return Err(Refusal::TooLarge(limit));
        }
        let input = json::input(body)?;
        if self.audited {
            told.parameters = Some(parameters::shown(&input));
        }
        model.check_input(operation, &input)?;
        run(self.clone(), requester, region, input).await
    }

    /// Verifies the signature of a request to `service`.
    pub(crate) async fn authenticate(
        &self,
        parts: &Parts,
        body: &[u8],
        service: &str,
    ) -> Result<Signed, Refusal> {
        let presented = self.present(&request(parts, body), service)?;
        let key = match self.key(&presented).await {
            Err(Refusal::Credentials(rejection)) => {
                // As much work as a known key costs, so that time does not tell which exist.
                presented.burn();
                return Err(rejection.into());
            }
            key => key?,
        };
        presented.verify(key.secret())?;
        let region: Region = presented.region.parse().map_err(|_| Rejection::InvalidToken)?;
        let origin = self.origin(parts, region.clone());
        self.note_use(&key.principal.caller, service, &origin);
        let requester = Requester {
            principal: key.principal.clone(),
            origin: origin.into(),
            trail: self.trail(),
        };
        Ok(Signed { requester, region })
    }

    /// Where the decisions about a call are noted, if anybody wants them.
    pub(crate) fn trail(&self) -> Trail {
        if self.audited { Trail::kept() } else { Trail::default() }
    }

    /// The access key that is presented, a session's if there is a token with it.
    async fn key(&self, presented: &sigv4::Presented) -> Result<Arc<AccessKey>, Refusal> {
        let id = &presented.access_key_id;
        let found = match &presented.session_token {
            None => self.identity.access_key(id).await?,
            Some(token) => match self.identity.session(id, token, self.registry.now()).await {
                Ok(found) => found,
                Err(SessionFault::Expired) => return Err(Rejection::ExpiredToken.into()),
                Err(SessionFault::Fault(error)) => return Err(error.into()),
            },
        };
        let found = found.ok_or(Rejection::InvalidToken)?;
        // AWS takes the keys of users and roots in IAM only from long-term credentials.
        let caller = &found.principal.caller;
        if presented.service == "iam"
            && caller.session.is_some()
            && caller.kind != Kind::RoleSession
        {
            return Err(Rejection::InvalidToken.into());
        }
        Ok(found)
    }

    /// Notes when a long-term key, or a role by its session, was used last.
    fn note_use(&self, caller: &Caller, service: &str, origin: &Origin) {
        let (region, now) = (origin.region.as_str(), origin.now);
        match (&caller.kind, &caller.session) {
            (Kind::RoleSession, _) => self.identity.note_role_use(&caller.unique_id, region, now),
            (_, None) => self.identity.note_key_use(&caller.access_key_id, service, region, now),
            _ => {}
        }
    }

    /// How the request came. The listener puts its [`Source`] into the extensions.
    pub(crate) fn origin(&self, parts: &Parts, region: Region) -> Origin {
        let text = |name| Some(parts.headers.get(name)?.to_str().ok()?.into());
        Origin {
            source: parts.extensions.get().copied().unwrap_or(Source::UNKNOWN),
            user_agent: text(http::header::USER_AGENT),
            referer: text(http::header::REFERER),
            region,
            now: self.registry.now(),
        }
    }
}

fn target(parts: &Parts) -> Option<&str> {
    parts.headers.get(json::TARGET_HEADER)?.to_str().ok()
}

fn request<'a>(parts: &'a Parts, body: &'a [u8]) -> sigv4::Request<'a> {
    sigv4::Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or(""),
        headers: &parts.headers,
        authority: parts.uri.authority().map(http::uri::Authority::as_str),
        body,
    }
}
