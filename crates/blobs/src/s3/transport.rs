//! How long a request to S3 may take, and how often it is tried. Sits between `object_store`, which signs and tries
//! again, and its HTTP client, which knows only of whole requests.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use http_body::{Body, Frame, SizeHint};
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpResponseBody, HttpService, ReqwestConnector,
    },
};
use tokio::time::{Instant, Sleep};

/// The bounds of time of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// To have a connection.
    pub(crate) connect: Duration,
    /// From the request's end to the answer's first byte.
    pub(crate) first_byte: Duration,
    /// From a CompleteMultipartUpload to its answer: stores that copy the parts together answer only then.
    pub(crate) complete: Duration,
    /// A request that sends more slowly than this many bytes a second is given up and tried again.
    pub(crate) slowest: u64,
    /// Between two pieces of an answer that is being read.
    pub(crate) idle: Duration,
    /// How often a request is tried again, with growing, random pauses.
    pub(crate) retries: usize,
    /// When the last try may begin.
    pub(crate) patience: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(10),
            complete: Duration::from_secs(300),
            slowest: 512 * 1024,
            idle: Duration::from_secs(30),
            retries: 5,
            // Long enough for a second try of a part whose first one stalled.
            patience: Duration::from_secs(45),
        }
    }
}

impl Timing {
    /// How long to wait for the answer to this request.
    fn of(&self, request: &HttpRequest) -> Duration {
        let is_of_upload = request.uri().query().is_some_and(|query| query.contains("uploadId="));
        if request.method() == Method::POST && is_of_upload {
            return self.complete;
        }
        let length = request.body().content_length() as u64;
        self.first_byte + Duration::from_secs(length / self.slowest)
    }

    pub(super) fn retry(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(3),
                base: 2.0,
            },
            max_retries: self.retries,
            retry_timeout: self.patience,
        }
    }
}

impl HttpConnector for Timing {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Transport { client, timing: *self }))
    }
}

#[derive(Debug)]
struct Transport {
    client: HttpClient,
    timing: Timing,
}

#[derive(Debug, thiserror::Error)]
#[error("no answer for {0:?}")]
struct Stalled(Duration);

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let patience = self.timing.of(&request);
        let is_delete = request.method() == Method::DELETE;
        let answered = match tokio::time::timeout(patience, self.client.execute(request)).await {
            Ok(answered) => answered,
            Err(_) => Err(HttpError::new(HttpErrorKind::Timeout, Stalled(patience))),
        };
        let response = answered.map_err(|error| match error.kind() {
            // To delete again what may be deleted already does no harm, which the caller does not know.
            HttpErrorKind::Timeout | HttpErrorKind::Interrupted if is_delete => {
                HttpError::new(HttpErrorKind::Request, error)
            }
            _ => error,
        })?;
        let idle = self.timing.idle;
        Ok(response.map(|body| HttpResponseBody::new(Watched::new(body, idle))))
    }
}

/// An answer that ends with an error when nothing comes for a while. The time in which nobody reads does not count.
struct Watched {
    body: HttpResponseBody,
    idle: Duration,
    alarm: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl Watched {
    fn new(body: HttpResponseBody, idle: Duration) -> Watched {
        Watched { body, idle, alarm: Box::pin(tokio::time::sleep(idle)), is_waiting: false }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let watched = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut watched.body).poll_frame(context) {
            watched.is_waiting = false;
            return Poll::Ready(frame);
        }
        if !watched.is_waiting {
            watched.is_waiting = true;
            watched.alarm.as_mut().reset(Instant::now() + watched.idle);
        }
        ready!(watched.alarm.as_mut().poll(context));
        let stalled = Stalled(watched.idle);
        Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, stalled))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
