//! What is remembered of one request from its head to the last byte of its answer. When the
//! record is dropped, whatever the reason, it goes to the metrics and the access log.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http::{HeaderValue, Method, StatusCode, Uri};
use uuid::Uuid;

use super::Shared;
use super::audit::Noted;
use super::inbound::Flow;
use super::metrics::Class;
use wharf_policy::Source;

/// Who made the request, as the access log names them (an ARN). The application puts it into the
/// extensions of its response.
#[derive(Clone, Debug)]
pub struct Principal(pub Arc<str>);

/// The code of the error that the answer carries (`ImageNotFoundException`, `MANIFEST_UNKNOWN`).
/// The application puts it into the extensions of its response.
#[derive(Clone, Debug)]
pub struct ErrorCode(pub Cow<'static, str>);

/// The operation that was asked for (`PutImage`). The application puts it into the extensions of
/// its response; under `/v2/` method and path say it.
#[derive(Clone, Copy, Debug)]
pub struct OperationName(pub &'static str);

/// The record of one request.
pub struct Record {
    pub(super) shared: Arc<Shared>,
    pub(super) noted: Option<Noted>,
    pub(super) begun: Instant,
    pub(super) id: Uuid,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) class: Class,
    pub(super) source: Option<Source>,
    pub(super) agent: Option<HeaderValue>,
    pub(super) flow: Option<Arc<Flow>>,
    pub(super) status: Option<StatusCode>,
    pub(super) principal: Option<Principal>,
    pub(super) operation: Option<OperationName>,
    pub(super) code: Option<ErrorCode>,
    pub(super) sent: u64,
    /// The size of the answer, when it was known beforehand.
    pub(super) expected: Option<u64>,
    pub(super) complete: bool,
}

impl Record {
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        // The HTTP writer does not ask for the end of a body whose length it has announced.
        self.complete |= self.expected == Some(self.sent);
    }

    pub(super) fn complete(&mut self) {
        self.complete = true;
    }

    /// Whether HTTP forbids a body to this answer, so that none is missing.
    pub(super) fn is_bodiless(&self) -> bool {
        self.method == Method::HEAD
            || matches!(self.status, Some(StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED))
    }

    pub(super) fn received(&self) -> u64 {
        let flow = self.flow.as_ref();
        flow.map_or(0, |flow| flow.bytes.load(Ordering::Relaxed))
    }

    pub(super) fn was_too_slow(&self) -> bool {
        let flow = self.flow.as_ref();
        flow.is_some_and(|flow| flow.too_slow.load(Ordering::Relaxed))
    }

    /// The status for the log: 499, as nginx has it, when the client left before the answer.
    pub(super) fn status(&self) -> u16 {
        self.status.map_or(499, |status| status.as_u16())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        self.shared.metrics.count(self, took);
        if let Some(log) = &self.shared.access {
            log.write(self, took);
        }
    }
}

/// Milliseconds with three decimals.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
