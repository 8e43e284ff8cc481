//! What the operator sees of each request: a request id, one access log line, the metrics. The
//! layer stands around the whole application; it also bears the client's pace (`inbound.rs`) and
//! says 408 when that was too slow. Log lines of the application itself are `logs.rs`.

pub mod access;
pub mod audit;
mod inbound;
pub mod lines;
pub mod logs;
pub mod metrics;
mod outbound;
mod record;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::Body;
use axum::response::IntoResponse;
use http::{Request, Response, StatusCode, Version, header};
use rustix::rand::GetRandomFlags;
use uuid::Uuid;

use crate::forwarded::Trusted;
use crate::listen::Peer;
use access::AccessLog;
use audit::{AuditTrail, Noted};
use inbound::Flow;
pub use inbound::{Floor, Inbound, TooSlow};
use metrics::{Class, Metrics};
pub use outbound::Outbound;
use record::Record;
pub use record::{ErrorCode, OperationName, Principal};

/// The id of a request, in its extensions; error answers and log lines carry it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestId(pub Uuid);

/// What all requests share.
struct Shared {
    metrics: Arc<Metrics>,
    access: Option<AccessLog>,
    audit: Option<AuditTrail>,
    trusted: Trusted,
    floor: Floor,
}

/// Records every request that passes to `S`. Requests reach `S` with [`RequestId`] and, if they
/// carry [`Peer`], with [`wharf_policy::Source`] in their extensions.
#[derive(Clone)]
pub struct Telemetry<S> {
    service: S,
    shared: Arc<Shared>,
}

impl<S> Telemetry<S> {
    /// Puts telemetry around `service`. `access` and `audit` are none when they are off.
    pub fn new(
        service: S,
        metrics: Arc<Metrics>,
        access: Option<AccessLog>,
        audit: Option<AuditTrail>,
        trusted: Trusted,
        floor: Floor,
    ) -> Self {
        let shared = Arc::new(Shared { metrics, access, audit, trusted, floor });
        Self { service, shared }
    }

    fn record<B: http_body::Body>(&self, request: &Request<B>) -> Record {
        let headers = request.headers();
        let peer = request.extensions().get::<Peer>();
        let source = peer.map(|peer| self.shared.trusted.source(peer, headers));
        let id = random_id();
        let agent = headers.get(header::USER_AGENT);
        let noted = self.shared.audit.as_ref().map(|trail| {
            let (method, path) = (request.method().clone(), request.uri().path());
            Noted::begin(trail.clone(), audit::Head::new(id, method, path, source, agent))
        });
        Record {
            shared: Arc::clone(&self.shared),
            noted,
            begun: Instant::now(),
            id,
            method: request.method().clone(),
            uri: request.uri().clone(),
            class: Class::of(request.method(), request.uri().path()),
            source,
            agent: agent.cloned(),
            flow: (!request.body().is_end_stream()).then(Arc::<Flow>::default),
            status: None,
            principal: None,
            operation: None,
            code: None,
            sent: 0,
            expected: None,
            complete: false,
        }
    }
}

/// A version 4 id; the kernel's randomness is fetched for 64 of them at a time.
pub(crate) fn random_id() -> Uuid {
    const POOL: usize = 64 * 16;
    thread_local! {
        static RANDOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    RANDOM.with_borrow_mut(|pool| {
        if pool.is_empty() {
            pool.resize(POOL, 0);
            if rustix::rand::getrandom(&mut pool[..], GetRandomFlags::empty()) != Ok(POOL) {
                pool.clear();
                return Uuid::new_v4();
            }
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&pool[pool.len() - 16..]);
        pool.truncate(pool.len() - 16);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    })
}

impl<S, B> tower::Service<Request<B>> for Telemetry<S>
where
    S: tower::Service<Request<Inbound<B>>, Response = Response<Body>, Error = Infallible>,
    B: http_body::Body,
{
    type Response = Response<Outbound<Body>>;
    type Error = Infallible;
    type Future = Recorded<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let record = self.record(&request);
        let extensions = request.extensions_mut();
        extensions.insert(RequestId(record.id));
        if let Some(source) = record.source {
            extensions.insert(source);
        }
        if let Some(noted) = &record.noted {
            extensions.insert(noted.clone());
        }
        let (flow, floor) = (record.flow.clone(), self.shared.floor);
        let refused = refusal(&request);
        let request = request.map(|body| Inbound::new(body, flow.as_ref(), floor));
        Recorded {
            answer: match refused {
                None => Answer::Coming { future: self.service.call(request) },
                Some(refused) => Answer::Refused { refused: Some(refused) },
            },
            record: Some(record),
        }
    }
}

/// Refuses what no part of the application should have to think about: a request that names two
/// hosts would mean different registries to different readers, and HTTP/1.1 demands that it names
/// one (RFC 9112, section 3.2).
fn refusal<B>(request: &Request<B>) -> Option<Response<Body>> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let text = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => "the request has more than one Host header\n",
        (None, _) if request.version() == Version::HTTP_11 && request.uri().host().is_none() => {
            "the request has no Host header\n"
        }
        _ => return None,
    };
    Some((StatusCode::BAD_REQUEST, [(header::CONNECTION, "close")], text).into_response())
}

fn too_slow() -> Response<Body> {
    let text = "the request body arrived too slowly\n";
    let close = [(header::CONNECTION, "close")];
    (StatusCode::REQUEST_TIMEOUT, close, text).into_response()
}

pin_project_lite::pin_project! {
    /// The answer on its way, with its record.
    pub struct Recorded<F> {
        #[pin]
        answer: Answer<F>,
        record: Option<Record>,
    }
}

pin_project_lite::pin_project! {
    #[project = AnswerProjection]
    enum Answer<F> {
        Coming { #[pin] future: F },
        Refused { refused: Option<Response<Body>> },
    }
}

impl<F> Future for Recorded<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    type Output = Result<Response<Outbound<Body>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.answer.project() {
            AnswerProjection::Coming { future } => ready!(future.poll(cx))?,
            AnswerProjection::Refused { refused } => refused.take().expect("polled once"),
        };
        let mut record = this.record.take().expect("not polled after it was ready");
        if record.was_too_slow() && response.status() != StatusCode::REQUEST_TIMEOUT {
            response = too_slow();
        }
        record.status = Some(response.status());
        record.principal = response.extensions_mut().remove();
        record.operation = response.extensions_mut().remove();
        record.code = response.extensions_mut().remove();
        Poll::Ready(Ok(response.map(|body| Outbound::new(body, record))))
    }
}

#[cfg(test)]
mod tests;
