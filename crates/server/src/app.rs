//! The doors: which part of the program answers a request, by its path alone.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::sync::{Semaphore, SemaphorePermit};
use wharf_api::{Answer, Api};
use wharf_distribution::{Distribution, Outcome, SendFile};

use crate::listen::Sendfile;
use crate::shutdown::Stop;
use crate::telemetry::audit::{Event, Noted};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{ErrorCode, OperationName, Principal, RequestId};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
/// The text format of Prometheus.
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The application behind the listener: cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Doors>);

struct Doors {
    api: Api,
    distribution: Distribution,
    metrics: Arc<Metrics>,
    stop: Stop,
    /// Mebibytes for large bodies.
    large_bodies: Semaphore,
}

/// A body up to this size is read without further ado, in bytes.
const SMALL_BODY: usize = 1024 * 1024;
/// How long the body of an API request may take; the largest has 29 MiB.
const BODY_TIME: std::time::Duration = std::time::Duration::from_secs(120);
/// What large bodies may take together, in mebibytes.
const LARGE_BODIES: u32 = 256;

impl App {
    /// The application with these parts. `stop` makes it say that it is not ready any more.
    #[must_use]
    pub fn new(api: Api, distribution: Distribution, metrics: Arc<Metrics>, stop: Stop) -> App {
        let large_bodies = Semaphore::new(LARGE_BODIES as usize);
        App(Arc::new(Doors { api, distribution, metrics, stop, large_bodies }))
    }
}

impl<B> tower::Service<Request<B>> for App
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (doors, request) = (self.0.clone(), request.map(Body::new));
        // IAM and STS take changes by GET too.
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if reads && request.uri().path() != "/" {
            return Box::pin(wharf_db::in_request(async move { Ok(doors.answer(request).await) }));
        }
        // What changes something goes on to its end even when the client has hung up.
        let task = tokio::spawn(wharf_db::in_request(async move { doors.answer(request).await }));
        Box::pin(async move { Ok(task.await.unwrap_or_else(|fault| failed(&fault))) })
    }
}

impl Doors {
    /// Answers, and notes for the audit trail what the call came to, whether or not the client is
    /// still there to hear it.
    async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        let noted = request.extensions_mut().remove::<Noted>();
        let mut response = self.answered(request).await;
        let event = response.extensions_mut().remove::<Event>();
        if let (Some(noted), Some(event)) = (noted, event) {
            noted.answer(event, response.status());
        }
        response
    }

    async fn answered(&self, mut request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        match path {
            "/" => self.aws(request).await,
            "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => self.readiness().await,
            "/metrics" => self.metrics(),
            _ if path == "/v2" || path.starts_with("/v2/") => {
                let id = lend(&mut request);
                told(self.distribution.serve(request).await, id)
            }
            _ => text(
                StatusCode::NOT_FOUND,
                "Nothing is here. The ECR API is at POST /, the registry under /v2/.\n".to_owned(),
            ),
        }
    }

    /// ECR's JSON protocol is known by its target header, IAM and STS by the lack of it.
    async fn aws(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        if parts.method == Method::GET && parts.uri.query().is_none() {
            let hello = "This is Wharf, a private container registry. Point aws at it with \
                         `eval \"$(wharf env)\"`.\n";
            return text(StatusCode::OK, hello.to_owned());
        }
        if parts.method != Method::POST && parts.method != Method::GET {
            return text(
                StatusCode::METHOD_NOT_ALLOWED,
                "Only POST and GET are served here.\n".to_owned(),
            );
        }
        let announced = http_body::Body::size_hint(&body).upper();
        let _room = match self.admit(&parts, announced).await {
            Ok(room) => room,
            Err(response) => return response,
        };
        let body = match tokio::time::timeout(BODY_TIME, read(&parts, body)).await {
            Ok(Ok(body)) => body,
            Ok(Err(response)) => return response,
            Err(_) => {
                let told = "The request body took longer than two minutes.\n";
                return text(StatusCode::REQUEST_TIMEOUT, told.to_owned());
            }
        };
        let id = parts.extensions.get::<RequestId>().map(|id| id.0.to_string()).unwrap_or_default();
        let answer = match parts.headers.contains_key("x-amz-target") {
            true => self.api.ecr(&parts, &body, &id).await,
            false => self.api.query(&parts, &body, &id).await,
        };
        response(answer, &id)
    }

    /// Lets a large body in: only for a request that looks like one of somebody who is known here,
    /// and only as many at a time as there is memory set aside for them.
    async fn admit(
        &self,
        parts: &Parts,
        announced: Option<u64>,
    ) -> Result<Option<SemaphorePermit<'_>>, Response<Body>> {
        let limit = wharf_api::body_limit(parts);
        let size = announced.and_then(|bytes| usize::try_from(bytes).ok());
        let size = size.unwrap_or(limit).min(limit);
        if size <= SMALL_BODY {
            return Ok(None);
        }
        let id = parts.extensions.get::<RequestId>().map(|id| id.0.to_string()).unwrap_or_default();
        if let Err(answer) = self.api.admit(parts, &id).await {
            return Err(response(answer, &id));
        }
        let mebibytes = u32::try_from(size.div_ceil(1024 * 1024)).unwrap_or(LARGE_BODIES);
        Ok(self.large_bodies.acquire_many(mebibytes.min(LARGE_BODIES)).await.ok())
    }

    async fn readiness(&self) -> Response<Body> {
        if self.stop.has_begun() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
        }
        match self.api.registry.ready().await {
            Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
            Err(error) => {
                tracing::warn!(error = error.told(), "not ready");
                text(StatusCode::SERVICE_UNAVAILABLE, "not ready; the log tells why\n".to_owned())
            }
        }
    }

    fn metrics(&self) -> Response<Body> {
        match self.metrics.page() {
            Ok(page) => {
                let mut response = text(StatusCode::OK, page);
                response.headers_mut().insert(CONTENT_TYPE, PROMETHEUS);
                response
            }
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }
}

/// The body, cut off where its operation's limit is.
async fn read(parts: &Parts, body: Body) -> Result<Bytes, Response<Body>> {
    let limit = wharf_api::body_limit(parts);
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(text(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The request is larger than the {limit} bytes that this operation takes.\n"),
        )),
        Err(_) => Err(text(StatusCode::BAD_REQUEST, "The request body broke off.\n".to_owned())),
    }
}

fn response(answer: Answer, id: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let code = answer.told.error.as_ref().and_then(|(code, _)| HeaderValue::from_str(code).ok());
    if let Some(code) = code {
        headers.insert(ERROR_TYPE, code);
    }
    let (extensions, told) = (response.extensions_mut(), answer.told);
    if let Some(requester) = &told.requester {
        extensions.insert(Principal(requester.caller().arn.clone()));
    }
    if let Some(operation) = told.operation {
        extensions.insert(OperationName(operation));
    }
    if let Some((code, _)) = &told.error {
        extensions.insert(ErrorCode(code.clone().into()));
    }
    extensions.insert(Event::of_api(told));
    response
}

/// Hands the outcome of a registry request to the access log and the audit trail, and its id to the
/// client.
fn told(mut response: Response<Body>, id: Option<RequestId>) -> Response<Body> {
    if let Some(id) = id.and_then(|id| HeaderValue::from_str(&id.0.to_string()).ok()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let extensions = response.extensions_mut();
    if let Some(outcome) = extensions.remove::<Outcome>() {
        if let Some(requester) = &outcome.requester {
            extensions.insert(Principal(requester.caller().arn.clone()));
        }
        if let Some((code, _)) = outcome.error {
            extensions.insert(ErrorCode(code.into()));
        }
        extensions.insert(Event::of_registry(outcome));
    }
    response
}

/// Lends the registry what it cannot know of: the request's id, and a way to send files without
/// copying, where this connection has it.
fn lend(request: &mut Request<Body>) -> Option<RequestId> {
    let extensions = request.extensions_mut();
    let id = extensions.get::<RequestId>().copied();
    if let Some(id) = id {
        extensions.insert(wharf_distribution::RequestId(id.0));
    }
    if let Some(sendfile) = extensions.remove::<Sendfile>() {
        let send = move |file, range| Body::new(sendfile.body(file, range));
        extensions.insert(SendFile(Arc::new(send)));
    }
    id
}

/// A request whose code panicked. Others are not touched.
fn failed(fault: &tokio::task::JoinError) -> Response<Body> {
    tracing::error!(%fault, "a request ended in a panic");
    text(StatusCode::INTERNAL_SERVER_ERROR, "An internal error occurred.\n".to_owned())
}

fn text(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}
